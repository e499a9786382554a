/**
 * The runs that a process has under way. They share it, until one that may end the process has it to itself: when the
 * process ends then, no other event's run ends with it, and no other event is to blame.
 */
import { MAX_TURN_MS, type Timer } from '../timeout.ts';

/**
 * When a worker dies twice within ten seconds, the Functions host is without one for as long, and every delivery fails. So
 * what may end the process is not run in one that is younger.
 */
const PROBATION_MS = 10_000;

/** A run's place among those of its process. */
export interface Place {
  /** How long the process is yet to be spared what may end it, in milliseconds. */
  readonly sparedMs: number;
  /** Waits until no other run is under way, and keeps others waiting until it leaves. False when that did not come in time. */
  alone(): Promise<boolean>;
  leave(): void;
}

interface Waiting {
  admit(): void;
}

export class Isolation {
  /** By the clock of those who enter. */
  #startedAt: number | undefined;
  #sharing = 0;
  #isTaken = false;
  /** For the process to themselves, one after the other; everybody who comes later waits. */
  readonly #suspects: Waiting[] = [];
  readonly #others: Waiting[] = [];

  /** @param startedAt when the first enters, unless given */
  constructor(startedAt?: number) {
    this.#startedAt = startedAt;
  }

  /** Takes a place, once nobody has the process to itself, or has waited for that long enough. */
  async enter(timer: Timer, now: number): Promise<Place> {
    this.#startedAt ??= now;
    const sparedMs = Math.max(0, Math.min(PROBATION_MS, this.#startedAt + PROBATION_MS - now));
    if (this.#isTaken || this.#suspects.length > 0) await this.#wait(this.#others, timer);
    else this.#sharing++;

    let isAlone = false;
    return {
      sparedMs,
      alone: async () => {
        if (isAlone) return true;
        this.#sharing--;
        const turn = this.#wait(this.#suspects, timer);
        this.#admitSuspect();
        isAlone = await turn;
        return isAlone;
      },
      leave: () => {
        if (isAlone) this.#isTaken = false;
        else this.#sharing--;
        // Those who waited meanwhile go before the next that wants to be alone, so that neither waits for ever.
        if (isAlone && this.#others.length > 0) this.#admitOthers();
        else this.#admitSuspect();
      },
    };
  }

  /** Whether the turn came. Else the time is over, and the run shares the process. */
  #wait(queue: Waiting[], timer: Timer): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        admit: () => {
          cancel();
          resolve(true);
        },
      };
      queue.push(waiting);
      const cancel = timer(MAX_TURN_MS, () => {
        queue.splice(queue.indexOf(waiting), 1);
        this.#sharing++;
        resolve(false);
        if (!this.#isTaken && this.#suspects.length === 0) this.#admitOthers();
      });
    });
  }

  #admitSuspect(): void {
    if (this.#isTaken || this.#sharing > 0) return;
    const next = this.#suspects.shift();
    this.#isTaken = next !== undefined;
    next?.admit();
  }

  #admitOthers(): void {
    for (const other of this.#others.splice(0)) {
      this.#sharing++;
      other.admit();
    }
  }
}
