/** A receiver of webhooks on a port of its own, which keeps what it got and answers as it is told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface WebhookServer {
  readonly received: ReceivedRequest[];
  urlOf(path: string): string;
  /** The next requests to a path are answered so, in this order; all others with 200. `hang` answers never. */
  answer(path: string, ...answers: (WebhookAnswer | 'hang' | 'reset')[]): void;
  close(): Promise<void>;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const received: ReceivedRequest[] = [];
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
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    received,
    urlOf: (path) => `http://127.0.0.1:${port}${path}`,
    answer: (path, ...answers) => void planned.set(path, answers),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
