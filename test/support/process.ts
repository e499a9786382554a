/** Processes that can be held, fail or die at any call that they make of the world. */

/** Around every call that a process makes of the world: of a port by its method's name, `complete` or `abandon`. */
export type Gate = <T>(call: () => Promise<T>, name: string, args: readonly unknown[]) => Promise<T>;

/** Whether a process dies at its n-th call: before the call has an effect, or before its answer is heard. */
export type Fate = (call: number, name: string) => 'before' | 'after' | undefined;

/** What a dead process calls has no effect and no answer. */
export class Process {
  /** How many calls it has made. */
  calls = 0;
  isDead = false;
  readonly died: Promise<void>;
  readonly #fate: Fate;
  #noteDeath = (): void => {};

  constructor(fate: Fate = () => undefined) {
    this.#fate = fate;
    this.died = new Promise((resolve) => {
      this.#noteDeath = resolve;
    });
  }

  die(): void {
    this.isDead = true;
    this.#noteDeath();
  }

  readonly gate: Gate = async (call, name) => {
    if (this.isDead) return silence();
    const when = this.#fate(++this.calls, name);
    if (when === 'before') {
      this.die();
      return silence();
    }
    const answer = call();
    await answer.catch(() => {});
    if (when === 'after') this.die();
    return this.isDead ? silence() : answer;
  };
}

/** A process that dies at its n-th call. */
export function dyingAt(n: number, when: 'before' | 'after'): Process {
  return new Process((call) => (call === n ? when : undefined));
}

function silence(): Promise<never> {
  return new Promise(() => {});
}

/** A port whose every method goes through the gate. */
export function gated<T extends object>(port: T, gate: Gate): T {
  return new Proxy(port, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      const call = (...args: unknown[]) => gate(async () => Reflect.apply(method, target, args), String(name), args);
      // A list is not promised but read; the call is its first step.
      return name === 'query' ? (...args: unknown[]) => listed(call(...args)) : call;
    },
  });
}

async function* listed<T>(list: Promise<AsyncIterable<T>>): AsyncIterable<T> {
  yield* await list;
}
