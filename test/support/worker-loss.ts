/**
 * The death of a worker process, as the Functions host in Azure sees it. The functions under way fail, and so does each
 * one that is called until the next worker is up. That takes nine seconds when a worker dies twice within ten.
 */
export class WorkerLoss {
  readonly #underWay = new Set<() => void>();
  #isLost = false;

  /** The worker dies now, and the next is up after so many milliseconds. */
  lose(ms: number): void {
    this.#isLost = true;
    setTimeout(() => {
      this.#isLost = false;
    }, ms);
    for (const fail of this.#underWay) fail();
  }

  /** Rejects, though the work goes on here, when the worker is lost meanwhile. */
  async run(work: () => Promise<unknown>): Promise<void> {
    if (this.#isLost) {
      await new Promise((resolve) => setTimeout(resolve, FAILING_DELIVERY_MS));
      throw lost();
    }
    let fail = (): void => {};
    const died = new Promise<never>((_, reject) => {
      fail = () => reject(lost());
    });
    this.#underWay.add(fail);
    await Promise.race([work(), died]).finally(() => this.#underWay.delete(fail));
  }
}

/** From one failed delivery of a message to the next on the real host: it had 242 in 8.8 s. */
export const FAILING_DELIVERY_MS = 36;

const lost = (): Error => new Error('Did not find any initialized language workers');
