/** Bare rhea at either end, and as little of a Service Bus as SDKs work with. */
import rhea from 'rhea';
import { tellReady } from './processes.ts';

export const QUEUE = 'bench';
export const BATCH = 100;
const BATCH_FORMAT = 0x80013700;
const body = Buffer.alloc(1024, 'x');

/** Listens on any free port, and tells the parent which. */
export function listen(container: rhea.Container): void {
  container.on('disconnected', () => {});
  const options = { port: 0, host: '127.0.0.1', tcp_no_delay: true };
  const server = container.listen(options as Parameters<typeof container.listen>[0]);
  server.on('listening', () => {
    const address = server.address();
    if (address && typeof address === 'object') tellReady(address.port);
  });
}

export function connectTo(port: string, container: rhea.Container): rhea.Connection {
  const options = { host: '127.0.0.1', port: Number(port), username: 'bench', tcp_no_delay: true };
  return container.connect({ ...options, reconnect: false });
}

/**
 * As little of a Service Bus as the SDK receives from: it grants every token, and sends one message again and again.
 *
 * @param isFed whether an SDK sends to it at the same time: what comes is counted and forgotten, and as much goes out
 */
export function serveByRhea(count: number, isFed: boolean): void {
  // Without a size the SDK sends nothing.
  const container = rhea.create_container({ receiver_options: { max_message_size: 1024 * 1024 } });
  const { message } = rhea;
  const now = Date.now();
  const payload = message.encode({
    message_id: '0123456789abcdef',
    message_annotations: {
      'x-opt-sequence-number': 1,
      'x-opt-enqueued-time': new Date(now),
      'x-opt-locked-until': new Date(now + 600_000),
    },
    body: message.data_section(Buffer.from(JSON.stringify({ text: 'x'.repeat(1011) }))),
  });
  // rhea's types leave it out.
  const accepted = (message as unknown as { accepted(): { described(): rhea.Typed } }).accepted().described();
  const isToken = (link: rhea.link | undefined): boolean =>
    link?.source?.address === '$cbs' || link?.target?.address === '$cbs';
  /** By the names of the links, which requests give as their reply address. */
  const tokens = new Map<string, rhea.Sender>();
  let messages: rhea.Sender | undefined;
  let available = isFed ? 0 : count;
  let sent = 0;
  const deliver = (): void => {
    while (messages && sent < available && messages.sendable()) {
      const lockToken = Buffer.alloc(16);
      lockToken.writeUInt32BE(++sent);
      messages.send(payload as unknown as Parameters<typeof messages.send>[0], lockToken, 0);
    }
  };
  container.on('sender_open', ({ sender }) => {
    sender?.set_source({ address: sender.source.address });
    if (isToken(sender)) tokens.set(sender.name, sender);
    else messages = sender;
  });
  container.on('receiver_open', ({ receiver }) => receiver?.set_target({ address: receiver.target.address }));
  container.on('message', ({ receiver, message: request }) => {
    if (!isToken(receiver)) {
      available += BATCH;
      deliver();
      return;
    }
    tokens.get(request?.reply_to ?? '')?.send({
      correlation_id: request?.message_id,
      application_properties: { 'status-code': 202, 'status-description': 'Accepted' },
      body: '',
    });
  });
  container.on('sendable', deliver);
  container.on('accepted', ({ sender, delivery }) => {
    if (isToken(sender) || !delivery) return;
    delivery.update(true, accepted);
    // Service Bus has the last word, so the SDK never settles; without this rhea would keep every delivery.
    setImmediate(() => Object.assign(delivery, { remote_settled: true }));
  });
  listen(container);
}

export function sendByRhea(port: string, count: number, batch: number): void {
  const container = rhea.create_container();
  const { message } = rhea;
  const single = message.encode({ message_id: '0123456789abcdef', body: message.data_section(body) });
  const payload =
    batch === 1 ? single : message.encode({ body: message.data_sections(Array.from({ length: batch }, () => single)) });
  const sender = connectTo(port, container).open_sender(QUEUE);
  let sent = 0;
  let inFlight = 0;
  const send = (): void => {
    while (sent < count && sender.sendable() && inFlight < (batch === 1 ? 1000 : 4)) {
      // An explicit format tells rhea that the payload is encoded already.
      sender.send(payload as unknown as Parameters<typeof sender.send>[0], undefined, batch === 1 ? 0 : BATCH_FORMAT);
      sent += batch;
      inFlight++;
    }
  };
  container.on('sendable', send);
  container.on('accepted', () => {
    inFlight--;
    send();
  });
}
