/**
 * A TCP proxy that does to its connections what networks do: resets, half-closes, stalls, freezes and outages; and a
 * seeded plan of them.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { seeded } from './seeded.ts';

export interface FaultProxy {
  readonly port: number;
  /** Resets every connection, on both sides. */
  cut(): void;
  /** Says to one side of every connection that the other one will send no more; what that one still sends is lost. */
  halfClose(side: Side): void;
  /** Holds back all that one side sends, on connections to come too, until `resume`. Nothing is lost. */
  stall(from: Side): void;
  /** Lets everything flow again. */
  resume(): void;
  /** Cuts every connection and refuses new ones: what an outage looks like from both sides. */
  close(): Promise<void>;
  /** Lets connections through again after `close`, on the same port. */
  open(): Promise<void>;
}

export type Side = 'client' | 'server';

/** One connection: what is read on one side is written on the other. */
type Pair = Readonly<Record<Side, Socket>>;

const OTHER = { client: 'server', server: 'client' } as const;

/** Stands before a port of this machine. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const stalled = new Set<Side>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const pair = { client, server: connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }) };
    pairs.add(pair);
    forward(pair, 'client');
    forward(pair, 'server');
  });

  const forward = (pair: Pair, from: Side): void => {
    const [source, sink] = [pair[from], pair[OTHER[from]]];
    source.on('data', (chunk) => {
      if (!sink.writableEnded) sink.write(chunk);
    });
    source.on('end', () => sink.end());
    source.on('error', () => sink.resetAndDestroy());
    source.on('close', () => {
      pairs.delete(pair);
      sink.destroySoon();
    });
    if (stalled.has(from)) source.pause();
  };

  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    // A TCP server's address is never a pipe's.
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    port,
    open: async () => void (await listen(port)),
    cut: () => {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server.resetAndDestroy();
      }
    },
    halfClose: (side) => {
      for (const pair of pairs) pair[side].end();
    },
    stall: (from) => {
      stalled.add(from);
      for (const pair of pairs) pair[from].pause();
    },
    resume: () => {
      stalled.clear();
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await closed;
    },
  };
}

/** One fault. A stall of both sides is a freeze: connections are accepted, and nothing is forwarded. */
export type Fault =
  | { readonly kind: 'cut'; readonly thenMs: number }
  | { readonly kind: 'half-close'; readonly side: Side; readonly thenMs: number }
  | { readonly kind: 'stall'; readonly sides: readonly Side[]; readonly ms: number; readonly thenMs: number };

/** Draws a plan of two to six faults, at most so long; the same for the same seed. */
export function faultsOf(seed: number, totalMs: number): Fault[] {
  const random = seeded(seed);
  const pick = <T>(values: readonly [T, ...T[]]): T => values[Math.floor(random() * values.length)] ?? values[0];
  const faults: Fault[] = [];
  const count = 2 + Math.floor(random() * 5);
  let left = totalMs;
  while (faults.length < count && left > 0) {
    const thenMs = Math.min(left, Math.floor(random() * 1_200));
    left -= thenMs;
    const kind = pick(['cut', 'half-close', 'stall', 'freeze']);
    if (kind === 'cut') faults.push({ kind, thenMs });
    else if (kind === 'half-close') faults.push({ kind, side: pick(['client', 'server']), thenMs });
    else {
      const ms = Math.min(left, 100 + Math.floor(random() ** 2 * 8_000));
      left -= ms;
      const sides: Side[] = kind === 'freeze' ? ['client', 'server'] : [pick(['client', 'server'])];
      faults.push({ kind: 'stall', sides, ms, thenMs });
    }
  }
  return faults;
}

/** Does them one after another. */
export async function inflict(proxy: FaultProxy, faults: readonly Fault[]): Promise<void> {
  for (const fault of faults) {
    if (fault.kind === 'cut') proxy.cut();
    else if (fault.kind === 'half-close') proxy.halfClose(fault.side);
    else {
      for (const side of fault.sides) proxy.stall(side);
      await wait(fault.ms);
      proxy.resume();
    }
    // The last one is over when it is done.
    if (fault !== faults.at(-1)) await wait(fault.thenMs);
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
