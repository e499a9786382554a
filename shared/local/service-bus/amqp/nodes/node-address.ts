/** Addresses as clients write them: with or without scheme, host and leading slash, in any case. */
import { pathInAddress } from '../../core/entity-path.ts';

/** The node that a link is attached to. */
type NodeAddress =
  | { readonly kind: 'tokens' }
  | { readonly kind: 'management'; readonly path: string }
  | { readonly kind: 'entity'; readonly path: string };

const MANAGEMENT = '/$management';

export function parseNodeAddress(address: string): NodeAddress {
  const path = pathInAddress(address);
  const lower = path.toLowerCase();
  if (lower === '$cbs') return { kind: 'tokens' };
  if (lower.endsWith(MANAGEMENT)) return { kind: 'management', path: path.slice(0, -MANAGEMENT.length) };
  return { kind: 'entity', path };
}
