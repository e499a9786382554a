/** The pages as a browser gets them, and what is read on them. */

import { handle } from '../../functions/http/dashboard.ts';
import { handle as act } from '../../functions/http/dashboard-acts.ts';
import { formToken } from '../../shared/access/form-tokens.ts';
import { KEY_HOLDER } from '../../shared/access/rights.ts';
import { type HttpResponse, respond } from '../../shared/http/on-http.ts';
import type { Caller } from '../../shared/ports/access.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { httpRequest } from './http.ts';

interface Asked {
  readonly caller?: Caller;
  readonly headers?: Record<string, string>;
}

/** @param address below the dashboard, such as `chain?id=7` */
export function getPage(ports: Ports, address = '', asked: Asked = {}): Promise<HttpResponse> {
  return respond('dashboard', handle, requestOf('GET', address, asked), ports);
}

export async function pageText(ports: Ports, address = '', asked: Asked = {}): Promise<string> {
  return textOf((await getPage(ports, address, asked)).body ?? '');
}

/** What is read on a page. */
export function textOf(page: string): string {
  return page
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replaceAll('<wbr>', '')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ')
    .replace(/ (?=[:.,;])/g, '');
}

export const OWN_PAGE = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };

/** Sends a form, as a page of ours does. @param fields beside its token, which is that of the page, or of one with a form */
export async function sendForm(
  ports: Ports,
  address: string,
  fields: Record<string, string>,
  { headers = OWN_PAGE, ...asked }: Asked = {},
): Promise<HttpResponse> {
  const { body = '' } = await getPage(ports, address, asked);
  const [, shown] = /name="token" value="([^"]+)"/.exec(body) ?? [];
  const { name } = asked.caller ?? KEY_HOLDER;
  const token = shown ?? (await formToken(ports.state, name, ports.clock.now()));
  const form = new URLSearchParams({ token, ...fields });
  const request = { ...requestOf('POST', address, { headers, ...asked }), arrayBuffer: async () => bytesOf(form) };
  return respond('dashboard-acts', act, request, ports, true);
}

function bytesOf(form: URLSearchParams): ArrayBuffer {
  return new Uint8Array(Buffer.from(form.toString())).buffer;
}

function requestOf(method: string, address: string, asked: Asked): ReturnType<typeof httpRequest> {
  const [path = ''] = address.split('?');
  const page = decodeURIComponent(path);
  return httpRequest({ method, path: `/api/dashboard/${address}`, params: page === '' ? {} : { page }, ...asked });
}
