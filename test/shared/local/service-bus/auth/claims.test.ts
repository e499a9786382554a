/** What a client has shown, and until when. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Claims } from '../../../../../shared/local/service-bus/auth/claims.ts';

const onExpired = vi.fn();
let claims: Claims;
const put = (audience: string, right: 'Listen' | 'Send', seconds: number): void =>
  claims.put(audience, { rights: [right], expiresAtMs: Date.now() + seconds * 1000 });

beforeEach(() => {
  vi.useFakeTimers();
  onExpired.mockClear();
  claims = new Claims(onExpired);
});
afterEach(() => {
  claims.close();
  vi.useRealTimers();
});

describe('claims', () => {
  it('add up at an address, and do not reach beyond theirs', () => {
    put('sb://localhost/Topic', 'Send', 60);
    put('amqp://localhost/topic/Subscriptions/s', 'Listen', 60);

    expect(claims.rightsAt('topic/subscriptions/S/$DeadLetterQueue')).toEqual(new Set(['Send', 'Listen']));
    expect(claims.rightsAt('topic')).toEqual(new Set(['Send']));
    expect(claims.rightsAt('topic-2')).toBeUndefined();
  });

  it('end when their token expires, and say so once', () => {
    put('q', 'Send', 60);
    put('r', 'Send', 120);

    vi.advanceTimersByTime(60_000);

    expect([claims.rightsAt('q'), claims.rightsAt('r')]).toEqual([undefined, new Set(['Send'])]);
    expect(onExpired).toHaveBeenCalledTimes(1);
    expect(claims.isEmpty).toBe(false);
  });

  it('go on with a newer token', () => {
    put('q', 'Send', 60);
    vi.advanceTimersByTime(45_000);
    put('q', 'Send', 60);
    vi.advanceTimersByTime(59_000);

    expect(claims.rightsAt('q')).toEqual(new Set(['Send']));
    expect(onExpired).not.toHaveBeenCalled();
  });

  it('that last for months or for ever do not end at once', () => {
    put('q', 'Send', 90 * 86_400);
    claims.put('', { rights: ['Listen'], expiresAtMs: Number.POSITIVE_INFINITY });

    vi.advanceTimersByTime(89 * 86_400_000);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(86_400_000);

    expect(claims.rightsAt('q')).toEqual(new Set(['Listen']));
  });
});
