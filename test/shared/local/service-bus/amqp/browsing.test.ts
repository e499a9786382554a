/** What an attach grants, and links that only browse: as JMS and other AMQP clients ask, which no SDK does. */
import rhea, { type Connection, type Delivery, type Message, type ReceiverOptions, type Source } from 'rhea';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type LocalBus, startBus } from '../../../../support/bus.ts';

let bus: LocalBus;
let connection: Connection;
let queue: string;
beforeAll(async () => {
  bus = await startBus();
  connection = rhea.create_container().connect({ port: bus.port, reconnect: false });
});
afterAll(async () => {
  connection.close();
  await bus.close();
});
beforeEach(() => {
  queue = bus.queue();
});

function send(...bodies: string[]): number[] {
  return bus.broker.send(
    queue,
    bodies.map((body) => ({ body, sizeBytes: 10 })),
  );
}

/** Attaches with this source, gives credit and drains it. */
async function attach(
  source: Partial<Source>,
  options: Partial<ReceiverOptions> = {},
): Promise<{ granted: Source; bodies: string[] }> {
  const all = { source: { address: queue, ...source } as Source, credit_window: 0, autosettle: false, ...options };
  const receiver = connection.open_receiver(all);
  const bodies: string[] = [];
  receiver.on('message', ({ message, delivery }: { message?: Message; delivery?: Delivery }) => {
    bodies.push(String(message?.body?.content ?? message?.body));
    // A browser may say what it likes: the message stays.
    delivery?.accept();
  });
  await new Promise((resolve) => receiver.once('receiver_open', resolve));
  const drained = new Promise((resolve) => receiver.once('receiver_drained', resolve));
  receiver.add_credit(10);
  receiver.drain_credit();
  await drained;
  const granted = receiver.source;
  receiver.close();
  await new Promise((resolve) => receiver.once('receiver_close', resolve));
  return { granted, bodies };
}

it.each([
  ['unsettled', {}],
  ['settled', { snd_settle_mode: 1 }],
] as const)('browses without taking or locking, %s', async (_, options) => {
  send('1', '2', '3');

  const first = await attach({ distribution_mode: 'copy' }, options);
  const second = await attach({ distribution_mode: 'copy' }, options);

  expect(first.bodies).toEqual(['1', '2', '3']);
  expect(second.bodies).toEqual(['1', '2', '3']);
  expect(first.granted.distribution_mode).toBe('copy');
  expect(bus.broker.resolve(queue).receive(5)).toMatchObject([
    { content: { body: '1' }, deliveryCount: 0 },
    { content: { body: '2' }, deliveryCount: 0 },
    { content: { body: '3' }, deliveryCount: 0 },
  ]);
});

it('browses what is waiting or locked, and not what is deferred or scheduled', async () => {
  send('deferred', 'locked', 'waiting');
  bus.broker.schedule(queue, [{ body: 'scheduled', sizeBytes: 1, scheduledEnqueueTimeMs: Date.now() + 60_000 }]);
  const [deferred] = bus.broker.resolve(queue).receive(2);
  if (deferred) bus.broker.resolve(queue).defer(deferred);

  expect((await attach({ distribution_mode: 'copy' })).bodies).toEqual(['locked', 'waiting']);
});

it.each([
  ['a selector', { filter: { 'jms-selector': rhea.types.wrap_described("color = 'red'", 0x468c00000004) } }],
  ['no-local', { filter: { 'no-local': rhea.types.wrap_described([], 0x468c00000003) } }],
  ['that it outlives its connection', { durable: 2, expiry_policy: 'never' }],
])('does not say that it grants %s, which does not hold', async (_, source) => {
  send('1');

  const { granted, bodies } = await attach({
    ...(source as Partial<Source>),
    capabilities: 'queue',
  } as Partial<Source>);

  expect(granted).toMatchObject({ address: queue, capabilities: 'queue' });
  expect(granted.filter ?? {}).toEqual({});
  expect(granted.durable ?? 0).toBe(0);
  expect(granted.expiry_policy ?? null).toBeNull();
  expect(bodies).toEqual(['1']);
});

it('echoes a source that holds byte for byte', async () => {
  send('1');

  const { granted } = await attach({ distribution_mode: 'move', capabilities: ['queue', 'x'] } as unknown as Source);

  expect(granted).toMatchObject({ address: queue, distribution_mode: 'move', capabilities: ['queue', 'x'] });
  expect(bus.count(queue)).toBe(0);
});
