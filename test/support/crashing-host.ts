/**
 * The Functions host in virtual time, with a worker process that handlers can end: what ran in it is abandoned at once,
 * and until the next worker is up every delivery fails at once, as the real host does.
 */
import { Isolation } from '../../shared/delivery/isolation.ts';
import type { HandlerPorts } from '../../shared/ports/handler.ts';
import { DeliveryWorld, type Handling, type Locked } from './delivery-world.ts';
import { Process } from './process.ts';

/** Measured on the real host, 4.1037. */
const CONCURRENT_CALLS = 16;
const RESTART_MS = 400;
const SECOND_RESTART_MS = 8_800;
/** 16 at a time, a message was delivered 242 times at most in 8.8 s. */
const FAILING_DELIVERY_MS = 36;

/** Ends the worker that a handler runs in: a call that no handler makes for another reason. */
export async function endWorker({ state }: HandlerPorts): Promise<void> {
  await state.ping();
}

class Worker extends Process {
  /** What the runs of a worker share. */
  readonly isolation = new Isolation();

  constructor() {
    super((_, name) => (name === 'ping' ? 'before' : undefined));
  }
}

export class CrashingHost {
  readonly world: DeliveryWorld;
  /** When workers ended, in virtual time. */
  readonly crashes: number[] = [];
  #worker: Worker | undefined;

  constructor(handlings: readonly Handling[], random: () => number) {
    this.world = new DeliveryWorld(handlings, random);
    this.#startWorker();
    this.world.serve(CONCURRENT_CALLS, (message) => this.#run(message));
  }

  async #run(message: Locked): Promise<void> {
    const worker = this.#worker;
    if (!worker) {
      await new Promise<void>((resolve) => void this.world.timer(FAILING_DELIVERY_MS, resolve));
      return message.abandon();
    }
    // The timers of a dead process are gone with it.
    const timer = (ms: number, callback: () => void): (() => void) =>
      this.world.timer(ms, () => (worker.isDead ? undefined : callback()));
    const done = message.deliver(worker.gate, { timer, isolation: worker.isolation });
    await Promise.race([done, worker.died]);
    if (worker.isDead) message.abandon();
  }

  #startWorker(): void {
    const worker = new Worker();
    this.#worker = worker;
    void worker.died.then(() => {
      const now = this.world.clock.now();
      const isSecond = now - (this.crashes.at(-1) ?? Number.NEGATIVE_INFINITY) < 10_000;
      this.crashes.push(now);
      this.#worker = undefined;
      this.world.timer(isSecond ? SECOND_RESTART_MS : RESTART_MS, () => this.#startWorker());
    });
  }
}
