/** Processes of which each call is held until somebody lets it go on, fail, or lose its answer. */
import { TransientError } from '../../shared/errors.ts';
import { flushPromises } from '../../shared/local/service-bus/core/clock.ts';
import type { DeliveryWorld } from './delivery-world.ts';
import { type Gate, Process } from './process.ts';

type How = 'on' | 'fail' | 'lose the answer';

/** A call that a process is about to make. */
export interface HeldCall {
  readonly process: Process;
  readonly name: string;
  go(how: How): void;
}

export class HeldProcesses {
  readonly held: HeldCall[] = [];
  /** A process that died is another one from then on. */
  readonly #processes: Process[];
  readonly #world: DeliveryWorld;
  readonly #skewsMs: readonly number[];

  /** @param skewsMs how far the clock of each process is ahead */
  constructor(world: DeliveryWorld, skewsMs: readonly number[]) {
    this.#world = world;
    this.#skewsMs = skewsMs;
    this.#processes = skewsMs.map(() => new Process());
  }

  /** Lets a process take the next message, if there is one. @returns whether there is */
  take(n: number, skewMs = this.#skewsMs[n]): boolean {
    const process = this.#processes[n];
    if (!process) throw new RangeError(`no process ${n}`);
    const gate: Gate = (call, name, args) =>
      process.gate(
        () =>
          new Promise((resolve, reject) => {
            const go = (how: How): void => {
              if (how === 'fail') reject(new TransientError('away'));
              else if (how === 'on') call().then(resolve, reject);
              else call().then(() => reject(new TransientError('no answer')), reject);
            };
            this.held.push({ process, name, go });
          }),
        name,
        args,
      );
    const taken = this.#world.take(gate, {}, skewMs);
    // A settlement that fails leaves the message locked until its lock expires.
    taken?.done.catch(() => {});
    return taken !== undefined;
  }

  /** Lets one of the held calls go on, counted from 0 and again from there; none when none is held. */
  move(which: number, how: How = 'on'): void {
    const [next] = this.held.splice(which % Math.max(1, this.held.length), 1);
    next?.go(how);
  }

  /** From now on nothing goes wrong, until nothing is left to come. */
  async calmDown(): Promise<void> {
    const { clock } = this.#world;
    for (let steps = 0; steps < 5_000; steps++) {
      if (this.held.length > 0) this.move(0);
      else if (!this.take(0, 0)) {
        if (this.#world.isIdle) return;
        // Messages live for days: what is to come is due within hours.
        if (!clock.runNext(clock.now() + 6 * 3_600_000)) throw new Error('a message is left, and nothing is to come');
      }
      await flushPromises();
    }
    throw new Error('the world does not come to rest');
  }

  die(n: number): void {
    const process = this.#processes[n];
    process?.die();
    this.#processes[n] = new Process();
    for (const call of this.held.filter((one) => one.process === process)) this.held.splice(this.held.indexOf(call), 1);
  }
}
