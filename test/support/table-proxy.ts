/** Stands before a table service: counts what is asked of it, and loses answers on demand. */
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tableConnectionString } from './azurite.ts';

export interface TableProxy {
  readonly connectionString: string;
  /** Every call since the last `calls.length = 0`: method and path, without the query. */
  readonly calls: string[];
  /** The next call that this is true of is made, and its caller never hears so: the connection is cut instead. */
  loseAnswer(isLost: (call: string) => boolean): void;
  /** Gets each call with its URL and body, and the answer with its status. */
  watch: ((request: string, answer: string) => void) | undefined;
  /** Runs before the answer to the lost call is thrown away. */
  onLoss: () => Promise<void>;
  close(): Promise<void>;
}

/** @param connectionString of an Azurite on this machine */
export async function startTableProxy(connectionString: string): Promise<TableProxy> {
  const target = Number(/127\.0\.0\.1:(\d+)/.exec(connectionString)?.[1]);
  const calls: string[] = [];
  let isLost: ((call: string) => boolean) | undefined;
  const server = createServer((incoming, response) => {
    const call = `${incoming.method} ${incoming.url?.split('?')[0]}`;
    calls.push(call);
    const loses = isLost?.(call) ?? false;
    if (loses) isLost = undefined;
    const { method, headers, url } = incoming;
    const { watch } = proxy;
    const asked = watch && textOf(incoming);
    const outgoing = request({ port: target, host: '127.0.0.1', path: url, method, headers }, (answer) => {
      if (loses) return void discard(answer);
      if (watch && asked) {
        const answered = textOf(answer).then((text) => `${answer.statusCode}\n${text}`);
        void Promise.all([asked, answered]).then(([body, text]) => watch(`${method} ${url}\n${body}`, text));
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    const discard = async (answer: IncomingMessage): Promise<void> => {
      answer.resume();
      await proxy.onLoss();
      incoming.socket.destroy();
    };
    outgoing.on('error', () => incoming.socket.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  const proxy: TableProxy = {
    connectionString: tableConnectionString(`http://127.0.0.1:${port}`),
    calls,
    loseAnswer: (which) => {
      isLost = which;
    },
    watch: undefined,
    onLoss: async () => {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

/** Listens to a body that somebody else reads. */
function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => message.on('end', () => resolve(Buffer.concat(chunks).toString())));
}
