/** A receiver of webhooks on a port of its own, which keeps what it got and answers as it is told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, Readable } from 'node:stream';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookAnswer {
  readonly status: number;
  /** The body never ends: it goes on until the client hangs up. */
  readonly isEndless?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface WebhookServer {
  readonly received: ReceivedRequest[];
  /** Of endless bodies, how much was written. */
  readonly bytesWritten: number;
  urlOf(path: string): string;
  /** The next requests to a path are answered so, in this order; all others with 200. `hang` answers never. */
  answer(path: string, ...answers: (WebhookAnswer | 'hang' | 'reset')[]): void;
  close(): Promise<void>;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const received: ReceivedRequest[] = [];
  let bytesWritten = 0;
  const planned = new Map<string, (WebhookAnswer | 'hang' | 'reset')[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      const answer = planned.get(path)?.shift() ?? { status: 200 };
      if (answer === 'hang') return;
      if (answer === 'reset') return void request.socket.resetAndDestroy();
      response.writeHead(answer.status, answer.headers);
      if (!answer.isEndless) return void response.end(answer.body);
      const endless = new Readable({
        read(size) {
          bytesWritten += size;
          this.push(Buffer.alloc(size, 'x'));
        },
      });
      pipeline(endless, response, () => {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    received,
    get bytesWritten() {
      return bytesWritten;
    },
    urlOf: (path) => `http://127.0.0.1:${port}${path}`,
    answer: (path, ...answers) => void planned.set(path, answers),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
