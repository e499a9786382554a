import rhea from 'rhea';
import { Described, Typed, uint, ulong } from '../../shared/local/service-bus/amqp/codec/types.ts';
import { frame, RawClient } from './amqp-client.ts';
import type { LocalBus } from './bus.ts';

export const [OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE] = [
  0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
];
export const SASL_INIT = 0x41;
export const SASL_OUTCOME = 0x44;

export const source = (address: string) => new Described(ulong(0x28), [address]);
export const target = (address: string) => new Described(ulong(0x29), [address]);
export const begin = frame(BEGIN, [null, uint(0), uint(5000), uint(5000)]);
/** Attaches as a receiver; handle 0 unless given. */
export const attachReceiver = (address: string, handle = 0, name = 'r') =>
  frame(ATTACH, [
    name,
    uint(handle),
    true,
    new Typed('ubyte', 0),
    new Typed('ubyte', 1),
    source(address),
    target('me'),
  ]);
export const attachSender = (address: string, handle = 1, name = 's') =>
  frame(ATTACH, [name, uint(handle), false, null, null, source('me'), target(address), null, null, uint(0)]);
export const flow = (handle: number, credit: number, { drain = false, echo = false, count = 0 } = {}) =>
  frame(FLOW, [uint(0), uint(5000), uint(0), uint(5000), uint(handle), uint(count), uint(credit), null, drain, echo]);
export const message = (text: string) =>
  rhea.message.encode({ message_id: text.slice(0, 9), body: text }) as unknown as Buffer;
export const transfer = (id: number, payload: Buffer, { settled = false, more = false, aborted = false } = {}) =>
  frame(TRANSFER, [uint(1), uint(id), Buffer.from([id]), uint(0), settled, more, null, null, null, aborted], {
    payload,
  });

export async function open(bus: LocalBus): Promise<RawClient> {
  const client = await RawClient.open(bus.port);
  client.write(begin);
  await client.next(BEGIN);
  return client;
}
