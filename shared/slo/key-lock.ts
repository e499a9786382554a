/** Work on one thing at a time within this process; other processes are held off by ETags. */

const queues = new WeakMap<object, Map<string, Promise<unknown>>>();

/**
 * Runs after everything that was queued for the same owner and key before, however that ended. Without it, concurrent
 * events of one service would spend their attempts on conflicts with each other.
 */
export async function withKeyLock<T>(owner: object, key: string, run: () => Promise<T>): Promise<T> {
  let queue = queues.get(owner);
  if (!queue) {
    queue = new Map();
    queues.set(owner, queue);
  }
  const mine = (queue.get(key) ?? Promise.resolve()).then(run, run);
  queue.set(key, mine);
  try {
    return await mine;
  } finally {
    if (queue.get(key) === mine) queue.delete(key);
  }
}
