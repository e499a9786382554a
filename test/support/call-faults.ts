/** Makes one call of a port fail while the process lives, in each place that a story has, and compares how it ends. */
import { expect } from 'vitest';
import type { DeliveryOptions } from '../../shared/delivery/deliver.ts';
import { ConflictError, TransientError } from '../../shared/errors.ts';
import { flushPromises } from '../../shared/local/service-bus/core/clock.ts';
import type { DeliveryWorld } from './delivery-world.ts';
import type { Gate } from './process.ts';

/** One call that fails. */
export interface Fault {
  /** Counted from 1 over all calls of ports. */
  readonly call: number;
  /** Whether it has its effect, and only the answer is lost. */
  readonly when: 'before' | 'after';
  readonly error: Error;
}

/** Answers every call late, so that who does not wait for one is found out, and lets one fail. */
export class Watch {
  /** The calls of ports, by name, as they were made. */
  readonly calls: string[] = [];
  /** The calls that were under way when the message that they were made for was settled. */
  readonly abandoned: string[] = [];
  readonly #fault: Fault | undefined;
  readonly #inner: Gate;

  /** @param inner what else stands in the way of calls */
  constructor(inner: Gate, fault?: Fault) {
    this.#inner = inner;
    this.#fault = fault;
  }

  /** For the calls that are made for one message. */
  gate(): Gate {
    const open = new Map<number, string>();
    return async (call, name, args) => {
      if (name === 'complete' || name === 'abandon') {
        this.abandoned.push(...open.values());
        return call();
      }
      const number = this.calls.push(name);
      const fault = number === this.#fault?.call ? this.#fault : undefined;
      open.set(number, name);
      try {
        if (fault?.when === 'before') throw fault.error;
        const result = await this.#inner(call, name, args);
        await flushPromises();
        if (fault) throw fault.error;
        return result;
      } finally {
        open.delete(number);
      }
    };
  }
}

/** Takes all messages that are there, at once, and moves time on between, until nothing is left to come. */
export async function runTogether(world: DeliveryWorld, watch: Watch, options: DeliveryOptions = {}): Promise<void> {
  for (let steps = 0; steps < 1_000; steps++) {
    const taken: Promise<void>[] = [];
    const take = () => world.take(watch.gate(), options);
    for (let one = take(); one; one = take()) taken.push(one.done);
    await Promise.all(taken);
    if (taken.length === 0 && (world.isIdle || !world.clock.runNext(Number.POSITIVE_INFINITY))) return;
    await flushPromises();
  }
  throw new Error('the world does not come to rest');
}

/**
 * Tells a story undisturbed, then once for every call and way to fail. In none of them is a message settled while a call
 * that was made for it is under way.
 *
 * @param tell tells it in a new world, with the gates of this watch around all calls
 * @param check compares an ending with the undisturbed one
 * @param innerOf what stands in the way of calls in every telling; made anew for each
 * @returns the undisturbed ending
 */
export async function failEachCall<Ending>(
  tell: (watch: Watch) => Promise<Ending>,
  check: (ending: Ending, undisturbed: Ending, note: string) => void,
  innerOf: () => Gate = () => (call) => call(),
): Promise<Ending> {
  const watch = new Watch(innerOf());
  const undisturbed = await tell(watch);
  expect(watch.abandoned, 'undisturbed: calls that nobody waits for').toEqual([]);

  for (const [index, name] of watch.calls.entries()) {
    for (const { error, when } of failuresOf(name)) {
      const disturbed = new Watch(innerOf(), { call: index + 1, when, error });
      const ending = await tell(disturbed);
      const note = `${error.name} ${when} call ${index + 1} of ${watch.calls.length}, ${name}`;
      check(ending, undisturbed, note);
      expect(disturbed.abandoned, `${note}: calls that nobody waits for`).toEqual([]);
    }
  }
  return undisturbed;
}

/** A fault that may pass, one that nobody foresaw and, of a write, the conflict with itself that a repetition finds. */
function failuresOf(name: string): Pick<Fault, 'error' | 'when'>[] {
  const isWrite = ['insert', 'put', 'delete', 'transact'].includes(name);
  const away = new TransientError(`${name} away`);
  return [
    { error: away, when: 'before' },
    { error: away, when: 'after' },
    { error: new Error(`${name}: socket hang up`), when: 'before' },
    ...(isWrite ? [{ error: new ConflictError(`${name} conflicts`), when: 'after' } as const] : []),
  ];
}
