/**
 * Faults that are injected on purpose, to test how a client copes.
 *
 * @example
 * bus.faults.add({ on: 'send', effect: 'fail' });                              // the next send fails, the one after works
 * bus.faults.add({ on: 'send', nth: 3, times: 2, effect: 'duplicate' });       // the third and the fourth arrive twice
 * bus.faults.add({ on: 'complete', path: 'errors', effect: 'lose-lock' });     // the lock is lost before the completion
 */
import { BrokerError } from './broker-error.ts';

/** The operations of clients; `receive` is the handing out of one message. */
export type FaultOperation =
  | 'send'
  | 'schedule'
  | 'receive'
  | 'complete'
  | 'abandon'
  | 'defer'
  | 'deadLetter'
  | 'renewLock';

/**
 * - `fail`: the operation is refused and changes nothing
 * - `duplicate`: a sent message is stored twice, despite duplicate detection
 * - `delay`: a sent message arrives `delayMs` later
 * - `reorder`: the messages of a send are held back and stored after those of the next send to the same entity
 * - `lose-lock`: the lock expires just before a settlement, or just after a message was handed out
 * - `cut-connection`: the operation is done, then AMQP loses the connection before the answer; in process it throws
 */
type FaultEffect = 'fail' | 'duplicate' | 'delay' | 'reorder' | 'lose-lock' | 'cut-connection';

export interface Fault {
  readonly on: FaultOperation;
  readonly effect: FaultEffect;
  /** The path of the entity; any entity when absent. */
  readonly path?: string;
  /** The first operation that is hit, counted from now; 1 when absent. */
  readonly nth?: number;
  /** How many operations in a row are hit; 1 when absent. */
  readonly times?: number;
  /** For `delay`; 1000 when absent. */
  readonly delayMs?: number;
  /** For `fail`; when absent a transient error, the server being busy. */
  readonly error?: BrokerError;
}

const ON_SENDING: readonly FaultEffect[] = ['fail', 'duplicate', 'delay', 'reorder', 'cut-connection'];
const ON_RECEIVING: readonly FaultEffect[] = ['lose-lock'];
const ON_SETTLING: readonly FaultEffect[] = ['fail', 'lose-lock', 'cut-connection'];

function isSending(operation: FaultOperation): boolean {
  return operation === 'send' || operation === 'schedule';
}

interface Armed extends Fault {
  seen: number;
}

/** The faults of a broker. Each operation is counted once by each fault that it fits. */
export class Faults {
  readonly #armed: Armed[] = [];

  /** @returns a function that removes the fault. @throws TypeError for an effect that the operation cannot have */
  add(fault: Fault): () => void {
    const possible = isSending(fault.on) ? ON_SENDING : fault.on === 'receive' ? ON_RECEIVING : ON_SETTLING;
    if (!possible.includes(fault.effect)) {
      throw new TypeError(`a fault on '${fault.on}' must be ${possible.join(' or ')}, got ${fault.effect}`);
    }
    const armed = { ...fault, seen: 0 };
    this.#armed.push(armed);
    return () => this.#drop(armed);
  }

  /** Counts an operation. @returns the fault that hits it, if any */
  strike(operation: FaultOperation, path: string): Fault | undefined {
    if (this.#armed.length === 0) return undefined;
    let struck: Fault | undefined;
    for (const fault of [...this.#armed]) {
      if (fault.on !== operation || (fault.path && fault.path.toLowerCase() !== path.toLowerCase())) continue;
      fault.seen++;
      const first = fault.nth ?? 1;
      const last = first + (fault.times ?? 1) - 1;
      if (fault.seen >= last) this.#drop(fault);
      if (fault.seen >= first) struck ??= fault;
    }
    return struck;
  }

  #drop(fault: Armed): void {
    const index = this.#armed.indexOf(fault);
    if (index >= 0) this.#armed.splice(index, 1);
  }
}

/** The error of a `fail` fault. */
export function faultError({ on, error }: Fault): BrokerError {
  return error ?? new BrokerError('com.microsoft:server-busy', `the server is busy (fault injected on '${on}')`);
}

/** The error of a `cut-connection` fault; its condition makes the AMQP endpoint cut the connection. */
export function connectionCut(): BrokerError {
  return new BrokerError('amqp:connection:forced', 'the connection is cut (injected fault)');
}
