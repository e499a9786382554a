/** One AMQP link, or one HTTP request, without an SDK: for what an SDK neither asks for nor shows. */
import { createHmac } from 'node:crypto';
import rhea from 'rhea';
import type { BareLink, BrokerDriver } from './broker-driver.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly keyName: string;
  readonly key: string;
}

const COORDINATOR = 0x30;
const WAIT_MS = 10_000;
const TOKEN_SECONDS = 600;
/** How long a link is watched that is to be granted. */
const WATCH_MS = 100;
const MAX_TOKEN_WATCHED = 3;

/** Reads what a connection string of the portal, or that of the emulator, says. */
export function endpointOf(connectionString: string): Endpoint {
  const part = (name: string): string => new RegExp(`(?:^|;)${name}=([^;]*)`, 'i').exec(connectionString)?.[1] ?? '';
  const url = new URL(part('Endpoint').replace(/^sb:/i, 'amqp:'));
  const tls = part('UseDevelopmentEmulator').toLowerCase() !== 'true';
  return {
    host: url.hostname,
    port: url.port === '' ? (tls ? 5671 : 5672) : Number(url.port),
    tls,
    keyName: part('SharedAccessKeyName'),
    key: part('SharedAccessKey'),
  };
}

/** Opens a connection, puts a token unless it is to do without, attaches the link, and closes it again. */
export async function attachBare(endpoint: Endpoint, link: BareLink): ReturnType<BrokerDriver['attach']> {
  const container = rhea.create_container();
  const connection = container.connect({
    host: endpoint.host,
    port: endpoint.port,
    username: 'anonymous',
    reconnect: false,
    ...(endpoint.tls && { transport: 'tls' as const, servername: endpoint.host }),
  });
  const failed = new Promise<never>((_, reject) => {
    connection.on('connection_error', ({ error }) => reject(new Error(`the connection was refused: ${error}`)));
    connection.on('disconnected', ({ error }) => reject(error ?? new Error('the connection was closed')));
    setTimeout(() => reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS).unref();
  });
  // It also fails when everything has been answered.
  failed.catch(() => {});
  try {
    const seconds = link.to === 'target' ? link.tokenSeconds : TOKEN_SECONDS;
    if (seconds > 0) await Promise.race([putToken(connection, endpoint, seconds), failed]);
    return await Promise.race([attach(connection, link), failed]);
  } finally {
    connection.close();
  }
}

/** Sends a message over HTTP. @returns the status of the answer */
export async function postMessage(origin: string, endpoint: Endpoint, queue: string): Promise<number> {
  const { status } = await fetch(`${origin}/${queue}/messages`, {
    method: 'POST',
    headers: { authorization: tokenOf(endpoint, TOKEN_SECONDS) },
    body: 'x',
  });
  return status;
}

function audienceOf({ host }: Endpoint): string {
  return `sb://${host}/`;
}

function tokenOf(endpoint: Endpoint, seconds: number): string {
  const { keyName, key } = endpoint;
  const expiry = Math.floor(Date.now() / 1000) + seconds;
  const resource = encodeURIComponent(audienceOf(endpoint));
  const signature = createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64');
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`;
}

function putToken(connection: rhea.Connection, endpoint: Endpoint, seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const receiver = connection.open_receiver({ source: '$cbs', name: 'cbs-replies' });
    const sender = connection.open_sender('$cbs');
    sender.on('sendable', () => {
      sender.send({
        message_id: 'token',
        reply_to: 'cbs-replies',
        application_properties: {
          operation: 'put-token',
          name: audienceOf(endpoint),
          type: 'servicebus.windows.net:sastoken',
        },
        body: tokenOf(endpoint, seconds),
      });
      sender.removeAllListeners('sendable');
    });
    receiver.on('message', ({ message }) => {
      const status: unknown = message?.application_properties?.['status-code'];
      if (typeof status === 'number' && status < 300) resolve();
      else reject(new Error(`the token was refused: ${message?.application_properties?.['status-description']}`));
    });
  });
}

function attach(connection: rhea.Connection, link: BareLink): ReturnType<BrokerDriver['attach']> {
  return new Promise((resolve) => {
    const opened =
      link.to === 'source'
        ? connection.open_receiver({
            source: {
              address: link.address,
              ...(link.distributionMode !== undefined && { distribution_mode: link.distributionMode }),
            },
            credit_window: 0,
          } as rhea.ReceiverOptions)
        : connection.open_sender({
            target: link.to === 'coordinator' ? {} : { address: link.address },
          } as rhea.SenderOptions);
    if (link.to === 'coordinator') {
      // It is written at the end of the turn. rhea's types leave out what it holds.
      const { attach: fields } = (opened as unknown as { local: { attach: { target: unknown } } }).local;
      fields.target = coordinator();
    }
    const isReceiver = link.to === 'source';
    // A refusal is an attach that is followed by a detach at once.
    const refused = new Promise<string>((tell) => {
      opened.on(isReceiver ? 'receiver_error' : 'sender_error', () =>
        tell(`${opened.error && Reflect.get(opened.error, 'condition')}`),
      );
    });
    opened.on(isReceiver ? 'receiver_open' : 'sender_open', () => {
      const isShort = link.to === 'target' && link.tokenSeconds > 0 && link.tokenSeconds < MAX_TOKEN_WATCHED;
      const watchMs = isShort ? (link.tokenSeconds + 1) * 1_000 : WATCH_MS;
      const granted = new Promise<undefined>((tell) => setTimeout(() => tell(undefined), watchMs));
      void Promise.race([refused, granted]).then((condition) => {
        const source: unknown = opened.source;
        resolve(condition === undefined ? { granted: true, source } : { granted: false, condition });
      });
    });
  });
}

/** rhea knows no coordinator: a described list with one capability. */
function coordinator(): rhea.Typed {
  const { types } = rhea;
  return types.wrap_described([types.wrap_symbol('amqp:local-transactions')], COORDINATOR);
}
