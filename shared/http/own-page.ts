/** Whether a form comes from a page of this very app: a page of any website may send one to any address. */
import type { RequestHeaders } from '../ports/access.ts';

export const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * By what the browser says, which no page can change: `Sec-Fetch-Site`, or `Origin` where a browser older than 2023 has none.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function isFromOwnPage(headers: RequestHeaders, url: string): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null) return site === 'same-origin';
  return headers.get('origin') === new URL(url).origin;
}
