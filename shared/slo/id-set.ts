/**
 * A list of event ids that is stored often and searched for one: a single string, oldest first, in which a UUID takes
 * 22 characters.
 */

/** `,id,id,`, or nothing. */
export type RecentIds = string;

/** Whether an id is in the list. */
export function seen(ids: RecentIds, id: string): boolean {
  return ids.includes(`,${pack(id)},`);
}

/** The list with one more id. */
export function remember(ids: RecentIds, id: string): RecentIds {
  return `${ids || ','}${pack(id)},`;
}

/** How many there are. */
export function countIds(ids: RecentIds): number {
  let count = 0;
  for (let at = ids.indexOf(',', 1); at > 0; at = ids.indexOf(',', at + 1)) count++;
  return count;
}

/** The oldest ids, oldest first; all but so many of the newest. */
export function oldestIn(ids: RecentIds, newest = 0): string[] {
  const packed = ids.split(',').slice(1, -1);
  return packed.slice(0, Math.max(0, packed.length - newest)).map(unpack);
}

/** The list without some ids. */
export function without(ids: RecentIds, gone: ReadonlySet<string>): RecentIds {
  const packed = new Set([...gone].map(pack));
  const left = ids.split(',').filter((id) => id !== '' && !packed.has(id));
  return left.length > 0 ? `,${left.join(',')},` : '';
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function pack(id: string): string {
  if (UUID.test(id)) return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');
  return `=${Buffer.from(id).toString('base64url')}`;
}

function unpack(packed: string): string {
  if (packed.startsWith('=')) return Buffer.from(packed.slice(1), 'base64url').toString();
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
