/**
 * The administration of the broker over HTTP, for `ServiceBusAdministrationClient` and its counterparts in other
 * languages: Atom entries, and an address for each entity. `GET /health` answers once the bus is ready.
 *
 * @see https://learn.microsoft.com/rest/api/servicebus/entities
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../ports/clock.ts';
import { createLocalServer, LOOPBACK } from '../../local-http.ts';
import type { Authority } from '../auth/authority.ts';
import type { Broker } from '../core/broker.ts';
import { ADMINISTRATION_CREDITS } from '../core/limits/throttle.ts';
import { type Address, renderEntry, renderError, renderFeed } from './atom.ts';
import { createEntity, deleteEntity, findEntity, listEntities, updateEntity } from './entities.ts';
import { AdminError, adminErrorOf } from './error.ts';
import { answerIdentity, IDENTITY_PATH } from './identity.ts';
import { type AdminPath, formatAdminPath, parseAdminPath } from './path.ts';
import { parseXml, type XmlElement } from './xml.ts';

interface AdminOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  /** Says what the token of a request gives. */
  readonly authority: Authority;
  /** The address that is listened on, loopback when absent. */
  readonly host?: string;
  /** How long the headers of a request may take to arrive, in milliseconds. */
  readonly headMs?: number;
  /** Takes a request to upgrade the connection to another protocol. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => void;
}

/** Far more than a description takes; the longest allowed SQL filter is 1 KiB. */
const MAX_BODY_BYTES = 1024 * 1024;
const PAGE_SIZE = 100;

/** The endpoint, which listens nowhere by itself. */
export function createAdmin(options: AdminOptions): Server {
  const { host = LOOPBACK, headMs, onUpgrade } = options;
  return createLocalServer({
    host,
    onUpgrade,
    ...(headMs !== undefined && { headMs }),
    onRequest: (request, response, url) => {
      answer(request, url, options).then(
        (reply) => send(response, reply),
        (error: unknown) => send(response, refusal(error)),
      );
    },
  });
}

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly body?: string;
}

const ATOM_ENTRY = 'application/atom+xml;type=entry;charset=utf-8';
const ATOM_FEED = 'application/atom+xml;type=feed;charset=utf-8';

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, {
    ...(type !== undefined && { 'content-type': type }),
    ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    // A request that is refused before its body is read leaves the body in the connection.
    ...(status >= 400 && { connection: 'close' }),
  });
  response.end(body);
}

function refusal(error: unknown): Reply {
  const { status, detail } = adminErrorOf(error);
  return { status, type: 'application/xml; charset=utf-8', body: renderError(status, detail) };
}

async function answer(request: IncomingMessage, url: URL, options: AdminOptions): Promise<Reply> {
  if (url.pathname === '/health') return HEALTHY;
  const { identities } = options.authority;
  if (identities && url.pathname === IDENTITY_PATH) {
    return {
      type: 'application/json; charset=utf-8',
      ...answerIdentity(request, url, identities, options.clock.now()),
    };
  }

  const path = decodePath(url.pathname);
  // The administration knows no POST: that is how messages are sent and received over HTTP.
  if (request.method === 'POST' || /\/messages\/head$/i.test(path)) {
    throw new AdminError(501, 'messages over HTTP are not supported by this endpoint: send and receive them over AMQP');
  }
  authorize(request, path, url, options);
  const target = parseAdminPath(path);
  if (!target) throw new AdminError(400, 'the address names no entity');
  options.broker.throttle?.spend(ADMINISTRATION_CREDITS);
  const address = { origin: url.origin, query: url.search };
  switch (request.method) {
    case 'GET':
      return get(target, url, address, options.broker);
    case 'PUT':
      return put(target, await readEntry(request), request.headers['if-match'] !== undefined, address, options.broker);
    case 'DELETE':
      deleteEntity(options.broker, target);
      return { status: 200 };
    default:
      throw new AdminError(405, `the method ${request.method} is not supported`);
  }
}

/** The bus starts the administration last, so an answer means that messages are taken too. */
const HEALTHY: Reply = {
  status: 200,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify({ status: 'healthy', message: 'Service is healthy.' }),
};

function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new AdminError(400, `the address '${pathname}' is not encoded properly`);
  }
}

/** The texts of the service. */
const DENIED = {
  GET: 'Manage,EntityRead claims required for this operation.',
  PUT: 'Authorization failed for specified action: Manage,EntityWrite.',
  DELETE: 'Authorization failed for specified action: Manage,EntityDelete.',
} as const;

/**
 * All of it needs the right to manage. Some clients sign the address of the request with its query, encoded or not,
 * others that of the entity or of the namespace.
 */
function authorize(
  { headers, method }: IncomingMessage,
  path: string,
  url: URL,
  { authority, clock }: AdminOptions,
): void {
  const header = headers.authorization;
  if (header === undefined) throw new AdminError(401, 'the request has no Authorization header');
  const token = header.replace(/^Bearer /i, '');
  const audiences = [path, `${path}${url.search}`, url.pathname, `${url.pathname}${url.search}`];
  const grants = audiences.map((audience) => authority.read(token, audience, clock.now()));
  const [refused] = grants;
  const grant = grants.find((one) => typeof one !== 'string');
  if (grant === undefined) throw new AdminError(401, `${refused}`);
  if (!grant.rights.includes('Manage')) {
    throw new AdminError(401, method === 'PUT' || method === 'DELETE' ? DENIED[method] : DENIED.GET);
  }
}

function get(target: AdminPath, url: URL, address: Address, broker: Broker): Reply {
  if (
    target.kind === 'queues' ||
    target.kind === 'topics' ||
    target.kind === 'subscriptions' ||
    target.kind === 'rules'
  ) {
    return { status: 200, type: ATOM_FEED, body: feedPage(target, url, address, broker) };
  }
  return { status: 200, type: ATOM_ENTRY, body: renderEntry(findEntity(broker, target, address), address) };
}

function feedPage(target: AdminPath, url: URL, address: Address, broker: Broker): string {
  const skip = queryNumber(url, '$skip', 0, Number.MAX_SAFE_INTEGER);
  const top = queryNumber(url, '$top', PAGE_SIZE, PAGE_SIZE);
  const all = listEntities(broker, target, address);
  const path = formatAdminPath(target);
  const next = new URL(`${address.origin}${path}${url.search}`);
  next.searchParams.set('$skip', String(skip + top));
  next.searchParams.set('$top', String(top));
  const hasMore = skip + top < all.length;
  return renderFeed(target.kind, path, all.slice(skip, skip + top), address, hasMore ? next.href : undefined);
}

function queryNumber(url: URL, name: string, fallback: number, highest: number): number {
  const text = url.searchParams.get(name);
  if (text === null) return fallback;
  if (!/^[0-9]{1,9}$/.test(text)) throw new AdminError(400, `${name}: expected an integer, got '${text}'`);
  return Math.min(Number(text), highest);
}

function put(target: AdminPath, entry: XmlElement, isUpdate: boolean, address: Address, broker: Broker): Reply {
  const content = entry.children.find(({ name }) => name === 'content');
  const description = content?.children[0];
  if (entry.name !== 'entry' || !description) {
    throw new AdminError(400, 'the body: expected an Atom entry whose content is a description');
  }
  if (isUpdate) updateEntity(broker, target, description);
  else createEntity(broker, target, description);
  const body = renderEntry(findEntity(broker, target, address), address);
  return { status: isUpdate ? 200 : 201, type: ATOM_ENTRY, body };
}

async function readEntry(request: IncomingMessage): Promise<XmlElement> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new AdminError(413, `the body has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return parseXml(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new AdminError(400, `the body is not XML: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
