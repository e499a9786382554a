/** The answers to a client that puts a token. */
import { createHmac } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import type { AmqpResponse } from '../../../../../../shared/local/service-bus/amqp/engine/request.ts';
import { answerToken } from '../../../../../../shared/local/service-bus/amqp/nodes/cbs.ts';
import { Claims } from '../../../../../../shared/local/service-bus/auth/claims.ts';
import type { Broker } from '../../../../../../shared/local/service-bus/core/broker.ts';
import { VirtualClock } from '../../../../../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../../../../../shared/local/service-bus/create-broker.ts';
import { authorityOf } from '../../../../../support/bus.ts';

const key = { name: 'RootManageSharedAccessKey', key: 'SAS_KEY_VALUE' };
const now = Date.parse('2026-01-01T00:00:00Z');
let broker: Broker;
let claims: Claims;

beforeEach(() => {
  broker = createBroker({ clock: new VirtualClock(now) });
  broker.createQueue('orders');
  broker.createTopic('news');
  broker.createSubscription('news', 'all');
  claims = new Claims();
});

function put(audience: string, secret = key.key): AmqpResponse {
  const resource = encodeURIComponent(audience);
  const expiry = now / 1_000 + 60;
  const signature = createHmac('sha256', secret).update(`${resource}\n${expiry}`).digest('base64');
  const body = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${key.name}`;
  const request = {
    operation: 'put-token',
    properties: new Map([['name', audience]]),
    body,
    messageId: 1,
    replyTo: 'r',
  };
  return answerToken(request, { claims }, { authority: authorityOf(broker), broker }, now);
}

it.each([
  'sb://localhost/',
  'sb://localhost/orders',
  'sb://localhost:5672/Orders/$DeadLetterQueue',
  'amqps://localhost/orders/$management',
  'sb://localhost/news',
  'sb://localhost/news/Subscriptions/all',
  'sb://localhost/news/subscriptions/all/$management',
])('is accepted for %s', (audience) => {
  expect(put(audience)).toEqual({ status: 202, description: 'Accepted' });
  expect(claims.rightsAt(audience)).toEqual(new Set(['Listen', 'Send', 'Manage']));
});

it.each(['sb://localhost/nowhere', 'sb://localhost/news/Subscriptions/none', 'sb://localhost/nowhere/$management'])(
  'is refused for %s, where there is nothing',
  (audience) => {
    expect(put(audience)).toMatchObject({
      status: 404,
      condition: 'amqp:not-found',
      description: expect.stringMatching(/could not be found/),
    });
    expect(claims.isEmpty).toBe(true);
  },
);

it('is refused with a wrong key before anything is said of the entity', () => {
  expect(put('sb://localhost/nowhere', 'wrong')).toMatchObject({ status: 401, condition: 'amqp:unauthorized-access' });
});
