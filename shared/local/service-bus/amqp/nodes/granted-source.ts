/**
 * The source that an attach answers with: what the client asked for, without what does not hold here. A client takes
 * what comes back as granted: JMS, for example, relies on a selector that is echoed, and loses the messages that it
 * should not have got.
 */
import { type AmqpMap, type AmqpValue, Described, symbol, Typed, TypedArray, ulong } from '../codec/types.ts';
import { Writer } from '../codec/writer.ts';
import type { SendingLink } from '../engine/link.ts';

const SOURCE = 0x28;

/** Whether the client asks to see the messages without taking them. */
export function isBrowsing({ source }: SendingLink): boolean {
  return source.fields[6] === 'copy';
}

/** The encoded source; undefined when all that the client asked for holds. The filters of a plain receiver never do. */
export function grantedSource(link: SendingLink): Buffer | undefined {
  const [, durable, expiry] = link.source.fields;
  const isLasting = (durable !== undefined && durable !== null && durable !== 0) || expiry === 'never';
  return isLasting || link.source.filter?.size ? sourceWith(link, undefined) : undefined;
}

/** The client's source with these filters in place of its own. It never outlives its link. */
export function sourceWith({ source }: SendingLink, filter: AmqpMap | undefined): Buffer {
  const [, , , , , , mode, , outcome, outcomes, capabilities] = source.fields;
  const uint0 = new Typed('uint', 0);
  const distribution = typeof mode === 'string' ? symbol(mode) : null;
  const rest = [filter ?? null, outcome ?? null, symbols(outcomes), symbols(capabilities)];
  const fields: AmqpValue[] = [source.address, uint0, null, uint0, false, null, distribution, ...rest];
  const writer = new Writer();
  writer.value(new Described(ulong(SOURCE), fields));
  return writer.copy();
}

/** Symbols are read as strings. */
function symbols(value: AmqpValue): AmqpValue {
  if (typeof value === 'string') return symbol(value);
  // TypeScript does not narrow a readonly array by Array.isArray.
  return Array.isArray(value) ? new TypedArray('symbol', value as readonly AmqpValue[]) : null;
}
