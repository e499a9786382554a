/**
 * Requests and answers of the HTTP functions, held against `docs/openapi.json`: whatever a test asks, the document must say
 * so.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import * as z from 'zod';
import { PAGE_TYPE } from '../../shared/cli/describe/openapi.ts';
import {
  respond as answerOf,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  registeredRoutes,
} from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: Json }>>;

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Json; readonly responses: Operation['responses'] };
}

export const openApi: OpenApi = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'openapi.json'), 'utf8'),
);

/**
 * As `respond` of on-http; and the request, when it is not refused, and the answer are what the document says. Pages are
 * none of its business.
 */
export async function respond(
  name: string,
  handler: HttpHandler,
  request: HttpRequest,
  ports: Ports,
): Promise<HttpResponse> {
  const route = registeredRoutes().find((one) => one.handler === handler);
  expect(route, 'the handler of a route; use the respond of on-http for any other').toBeDefined();
  if (route?.contentType === PAGE_TYPE) return answerOf(name, handler, request, ports);
  let sent = '';
  const arrayBuffer = async (): Promise<ArrayBuffer> => {
    const bytes = await request.arrayBuffer();
    sent = Buffer.from(bytes).toString();
    return bytes;
  };
  const answer = await answerOf(name, handler, { ...request, arrayBuffer }, ports);
  const method = route?.methods[0]?.toLowerCase() ?? '';
  const operation = openApi.paths[`/api/${route?.route}`]?.[method];
  if (operation === undefined) throw new Error(`docs/openapi.json has no ${method} /api/${route?.route}`);
  checkAnswer(operation, answer);
  if ((answer.status ?? 200) < 300) checkRequest(operation, request, sent);
  return answer;
}

/** Every 2xx was asked for as the document says. */
export function checkRequest(
  { parameters = [], requestBody }: Operation,
  { query, headers }: HttpRequest,
  sent: string,
): void {
  for (const [name, text] of query) {
    if (name === 'code') continue;
    const found = parameters.find((one) => one.name === name && one.in === 'query');
    expect(found, `the document describes the parameter ${name}`).toBeDefined();
    const value = found?.schema['type'] === 'integer' ? Number(text) : text;
    expectValid(found?.schema ?? {}, value, `the parameter ${name}`, false);
  }
  // In binary mode the attributes are headers, which the document describes in words.
  if (headers.get('ce-specversion') !== null) return;
  const schema = requestBody?.content['application/json']?.schema;
  if (schema) expectValid(schema, JSON.parse(sent), 'the request', false);
}

/** Its status, its content type and every field are described. */
export function checkAnswer({ responses }: Operation, { status = 200, headers = {}, json, body }: HttpResponse): void {
  const own = responses[String(status)];
  expect(own, `the document describes the status ${status}`).toBeDefined();
  const { content } =
    own?.$ref === undefined ? (own ?? {}) : (openApi.components.responses[own.$ref.replace(/.*\//, '')] ?? {});
  const type = json !== undefined ? 'application/json' : headers['content-type']?.split(';', 1)[0];
  expect(type === undefined, `the document describes whether ${status} has a body`).toBe(content === undefined);
  if (type === undefined) return;
  const schema = content?.[type]?.schema;
  expect(schema, `the document describes ${type} with the status ${status}`).toBeDefined();
  // As it is sent: undefined members are left out.
  const sent =
    json !== undefined ? JSON.parse(JSON.stringify(json)) : /json/.test(type) ? JSON.parse(body ?? '') : body;
  expectValid(schema ?? {}, sent, `the answer ${status}`, true);
}

/** @param isClosed whether a field that the document does not describe is wrong; clients must let it pass */
function expectValid(schema: Json, value: unknown, what: string, isClosed: boolean): void {
  const { success, error } = zodOf(schema, isClosed).safeParse(value);
  if (!success)
    expect.fail(
      `${what} is not as docs/openapi.json says: ${z.prettifyError(error)}\n${JSON.stringify(value).slice(0, MAX_SHOWN)}`,
    );
}

/** Enough of a value to find it. */
const MAX_SHOWN = 1_000;

const known = new Map<string, z.ZodType>();

/** The schema of a document's part, as zod reads it. @param isClosed whether objects take no other fields */
export function zodOf(schema: Json, isClosed: boolean, schemas = openApi.components.schemas): z.ZodType {
  const key = `${isClosed} ${JSON.stringify(schema)}`;
  const found = known.get(key);
  if (found) return found;
  const whole = { ...schema, $defs: schemas };
  // Its type of a JSON Schema is that of parsed JSON.
  const made = z.fromJSONSchema(prepared(whole, isClosed) as Parameters<typeof z.fromJSONSchema>[0]);
  known.set(key, made);
  return made;
}

/**
 * With references as a JSON Schema has them, and closed objects where that is wanted. An alternative that names required
 * fields alone gets their schemas from its object: without, zod takes it for any value.
 */
function prepared(value: unknown, isClosed: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => prepared(one, isClosed));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    name === '$ref' ? String(member).replace('#/components/schemas/', '#/$defs/') : prepared(member, isClosed),
  ]);
  const { oneOf, properties } = value as { oneOf?: readonly Json[]; properties?: Json };
  if (oneOf?.every(({ type, $ref }) => type === undefined && $ref === undefined)) {
    return prepared({ ...value, oneOf: oneOf.map((one) => ({ ...one, type: 'object', properties })) }, isClosed);
  }
  const closes = isClosed && 'properties' in value && !('additionalProperties' in value);
  return { ...Object.fromEntries(members), ...(closes && { additionalProperties: false }) };
}
