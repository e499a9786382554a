/**
 * Faults on demand, to see what a client makes of them.
 *
 * @example
 * bus.faults.add({ on: 'send', effect: 'fail' });                              // the next send fails, the one after works
 * bus.faults.add({ on: 'send', nth: 3, times: 2, effect: 'duplicate' });       // the third and the fourth arrive twice
 * bus.faults.add({ on: 'complete', path: 'errors', effect: 'lose-lock' });     // the lock is lost before the completion
 */
import { BrokerError } from './broker-error.ts';

/** What a client asks of the broker; `receive` is one message being handed out. */
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
 * - `fail`: the operation is refused, and changes nothing
 * - `duplicate`: a sent message is stored twice, whatever duplicate detection says
 * - `delay`: a sent message arrives `delayMs` later
 * - `reorder`: the messages of a send are held back and stored after those of the next send to the same entity
 * - `lose-lock`: the lock expires just before a settlement, or just after a message was handed out
 * - `cut-connection`: over AMQP, the operation is done and the connection lost before the answer; in process it fails after it was done
 */
type FaultEffect = 'fail' | 'duplicate' | 'delay' | 'reorder' | 'lose-lock' | 'cut-connection';

export interface Fault {
  readonly on: FaultOperation;
  readonly effect: FaultEffect;
  /** Only operations on this entity, by its path; all when absent. */
  readonly path?: string;
  /** Which of the operations to come, from 1 (the default). */
  readonly nth?: number;
  /** How many in a row; 1 when absent. */
  readonly times?: number;
  /** For `delay`; 1000 when absent. */
  readonly delayMs?: number;
  /** For `fail`; a busy server, worth another try, when absent. */
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

/** The faults of a broker. Each operation is counted once for each fault that it fits. */
export class Faults {
  readonly #armed: Armed[] = [];

  /** @returns a function that takes the fault back. @throws TypeError for an effect that the operation cannot have */
  add(fault: Fault): () => void {
    const possible = isSending(fault.on) ? ON_SENDING : fault.on === 'receive' ? ON_RECEIVING : ON_SETTLING;
    if (!possible.includes(fault.effect)) {
      throw new TypeError(`'${fault.on}' can ${possible.join(', ')}, not ${fault.effect}`);
    }
    const armed = { ...fault, seen: 0 };
    this.#armed.push(armed);
    return () => this.#drop(armed);
  }

  clear(): void {
    this.#armed.length = 0;
  }

  /** Counts an operation. @returns the fault that strikes it, if one does */
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

/** What a failing fault answers. */
export function faultError({ on, error }: Fault): BrokerError {
  return error ?? new BrokerError('com.microsoft:server-busy', `the server is busy: a fault was asked for on '${on}'`);
}

/** Over AMQP the condition that closes the connection. */
export function connectionCut(): BrokerError {
  return new BrokerError('amqp:connection:forced', 'the connection was cut: a fault was asked for');
}
