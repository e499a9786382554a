import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/http/health.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { Clusters } from '../../../shared/ports/cluster.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { checkHealth } from '../../../shared/status/health.ts';
import { storeReading } from '../../../shared/status/queue-reading.ts';
import { handlerSubscriptions } from '../../../shared/topology.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';

const up = async (): Promise<void> => {};
const away = (): Promise<never> => Promise.reject(new TransientError('away'));

function portsWith({
  bus = up,
  state = up,
  west = up,
  triggers,
  missing = [],
}: {
  bus?: typeof up;
  missing?: readonly string[];
  state?: typeof up;
  west?: typeof up;
  triggers?: readonly (string | undefined)[];
}): Ports {
  const found = new InMemoryEventBus();
  for (const name of missing) found.broker.deleteSubscription(name, name);
  // A broker that does not answer answers nothing.
  if (bus === away) Object.assign(found, { hasSubscription: away });
  const clusters = { names: ['east', 'west'], get: (name: string) => ({ ping: name === 'west' ? west : up }) };
  return {
    publisher: Object.assign(found, { ping: bus }),
    state: Object.assign(new MemoryStateStore(), { ping: state }),
    clusters: clusters as unknown as Clusters,
    clock: found.clock,
    triggers: triggers && (() => triggers.map((trouble, index) => ({ name: `function-${index}`, trouble }))),
    // Nothing else is asked for.
  } as unknown as Ports;
}

describe('GET /api/health', () => {
  it.each([
    ['up', {}, 200],
    ['down', { bus: away }, 503],
    ['down', { state: away }, 503],
    ['degraded', { west: away }, 200],
    ['up', { triggers: [undefined, undefined] }, 200],
    ['degraded', { triggers: ['not receiving', undefined] }, 200],
    ['down', { triggers: ['not receiving', 'not receiving'] }, 503],
    ['degraded', { missing: ['health-check'] }, 200],
    ['down', { missing: handlerSubscriptions }, 503],
  ])('is %s with %o', async (status, parts, code) => {
    const answer = await respond('health', handle, httpRequest({}), portsWith(parts));

    expect(answer).toMatchObject({ status: code, json: { status } });
  });

  it('names each dependency, and says why it is down', async () => {
    const { dependencies } = await checkHealth(portsWith({ west: away, triggers: ['not receiving: connecting'] }));

    expect(dependencies).toEqual([
      { name: 'service-bus', status: 'up', latencyMs: 0 },
      { name: 'state-store', status: 'up', latencyMs: 0 },
      ...handlerSubscriptions.map((name) => ({ name: `subscription/${name}`, status: 'up', latencyMs: 0 })),
      { name: 'cluster/east', status: 'up', latencyMs: 0 },
      { name: 'cluster/west', status: 'down', latencyMs: 0, error: 'away' },
      { name: 'trigger/function-0', status: 'down', latencyMs: 0, error: 'not receiving: connecting' },
    ]);
  });

  it('names a subscription that is missing, and says what that means', async () => {
    const { status, dependencies } = await checkHealth(portsWith({ missing: ['health-check'] }));

    expect(status).toBe('degraded');
    expect(dependencies.filter((one) => one.status === 'down')).toEqual([
      {
        ...{ name: 'subscription/health-check', status: 'down', latencyMs: 0 },
        error: 'the subscription does not exist, and events of its type are refused; make it, as the topology says',
      },
    ]);
  });

  it('blames the broker alone while it does not answer', async () => {
    const { dependencies } = await checkHealth(portsWith({ bus: away }));

    expect(dependencies.map(({ name }) => name)).toEqual([
      'service-bus',
      'state-store',
      'cluster/east',
      'cluster/west',
    ]);
  });

  it('tells those who need no key the status alone, and asks for all of them at once', async () => {
    let pings = 0;
    const bus = async (): Promise<void> => void pings++;
    const ports = portsWith({ bus, missing: ['health-check'] });
    const ask = () => respond('health', handle, httpRequest({ isAnonymous: true }), ports);

    const answers = [await ask(), ...(await Promise.all([ask(), ask()]))];
    await (ports.clock as VirtualClock).advance('5s');
    await ask();

    for (const answer of answers) expect(answer).toEqual({ status: 200, json: { status: 'degraded' } });
    expect(pings).toBe(2);
  });

  it('tells entries that wait for a person from those that come back, as last read', async () => {
    const ports = portsWith({});
    const ask = () => respond('health', handle, httpRequest({}), ports);
    expect((await ask()).json).not.toHaveProperty('errors');

    const errors = { waiting: 2, returning: 3, byReason: [] };
    await storeReading(ports.state, { at: Date.parse('2026-03-01T12:00:00Z'), backlogs: {}, dependencies: [], errors });

    expect(await ask()).toMatchObject({
      status: 200,
      json: { status: 'up', errors: { waiting: 2, returning: 3, readAt: '2026-03-01T12:00:00.000Z' } },
    });
  });

  it('is told also when the store cannot be read', async () => {
    const ports = portsWith({ state: away });
    Object.assign(ports.state, { get: away });

    expect(await respond('health', handle, httpRequest({}), ports)).toMatchObject({
      status: 503,
      json: { status: 'down' },
    });
  });

  it('does not wait for ever', async () => {
    const ports = portsWith({ state: () => new Promise(() => {}) });
    const impatient = (_: number, callback: () => void) => {
      const timeout = setImmediate(callback);
      return () => clearImmediate(timeout);
    };

    expect(await checkHealth(ports, impatient)).toMatchObject({
      status: 'down',
      dependencies: expect.arrayContaining([
        expect.objectContaining({ name: 'service-bus', status: 'up' }),
        expect.objectContaining({ name: 'state-store', error: 'no answer within 5000 ms' }),
      ]),
    });
  });
});
