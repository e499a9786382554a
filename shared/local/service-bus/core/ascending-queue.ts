/**
 * A priority queue for keys that mostly arrive in ascending order: sequence numbers, deadlines of equal durations.
 * Such keys go into a linked list and cost O(1). The others go into a heap and cost O(log n) in the size of that heap.
 */

const NOWHERE = -1;
const IN_LIST = -2;

/**
 * The place of an item in one queue. It is allocated once and reused; an item has one for each queue it may be in at the
 * same time. An item of which very many wait can be its own place: the garbage collector copies what waits.
 */
export class QueuePlace<T> {
  readonly item: T;
  key = 0;
  /** Counts the additions to the queue, so that equal keys keep their order. */
  turn = 0;
  previous: QueuePlace<T> | undefined = undefined;
  next: QueuePlace<T> | undefined = undefined;
  /** Position in the heap, `IN_LIST`, or `NOWHERE`. */
  at: number = NOWHERE;

  /** @param item absent when a subclass is the item */
  constructor(item?: T) {
    // The second case is a subclass that is the item: it extends the place of its own type.
    this.item = item ?? (this as unknown as T);
  }

  get isQueued(): boolean {
    return this.at !== NOWHERE;
  }
}

/**
 * A place whose keys are times. Of a class of its own, since the engine keeps a number that once held a time in memory
 * of its own, for every place of the class: the garbage collector would have to copy it with each waiting message.
 */
export class TimedPlace<T> extends QueuePlace<T> {}

function precedes(a: QueuePlace<unknown>, b: QueuePlace<unknown>): boolean {
  return a.key < b.key || (a.key === b.key && a.turn < b.turn);
}

/** Items by ascending key; equal keys in the order in which they were added. */
export class AscendingQueue<T> {
  #head: QueuePlace<T> | undefined;
  #tail: QueuePlace<T> | undefined;
  readonly #heap: QueuePlace<T>[] = [];
  #size = 0;
  #turns = 0;

  get size(): number {
    return this.#size;
  }

  /** The place must not be in a queue already. */
  add(place: QueuePlace<T>, key: number): void {
    place.key = key;
    place.turn = this.#turns++;
    this.#size++;
    const tail = this.#tail;
    if (tail === undefined) {
      this.#head = this.#tail = place;
      place.at = IN_LIST;
    } else if (tail.key <= key) {
      tail.next = place;
      place.previous = tail;
      this.#tail = place;
      place.at = IN_LIST;
    } else {
      this.#heap.push(place);
      this.#siftUp(place, this.#heap.length - 1);
    }
  }

  /** Does nothing when the place is in no queue. */
  remove(place: QueuePlace<T>): void {
    if (place.at === NOWHERE) return;
    this.#size--;
    if (place.at === IN_LIST) {
      const { previous, next } = place;
      if (previous) previous.next = next;
      else this.#head = next;
      if (next) next.previous = previous;
      else this.#tail = previous;
      // A removed place that still points at its neighbours would keep the garbage collector from freeing them early.
      place.previous = place.next = undefined;
    } else {
      const hole = place.at;
      const last = this.#heap.pop();
      if (last && last !== place) {
        if (precedes(last, place)) this.#siftUp(last, hole);
        else this.#siftDown(last, hole);
      }
    }
    place.at = NOWHERE;
  }

  /** The item of the smallest key. */
  first(): T | undefined {
    return this.#firstPlace()?.item;
  }

  /** The smallest key, `Infinity` when empty. */
  firstKey(): number {
    return this.#firstPlace()?.key ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns the item of the smallest key. */
  shift(): T | undefined {
    const place = this.#firstPlace();
    if (place) this.remove(place);
    return place?.item;
  }

  #firstPlace(): QueuePlace<T> | undefined {
    const top = this.#heap[0];
    const head = this.#head;
    if (top === undefined) return head;
    return head === undefined || precedes(top, head) ? top : head;
  }

  #siftUp(place: QueuePlace<T>, from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || precedes(parent, place)) break;
      heap[index] = parent;
      parent.at = index;
      index = above;
    }
    heap[index] = place;
    place.at = index;
  }

  #siftDown(place: QueuePlace<T>, from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && precedes(right, child)) {
        child = right;
        below++;
      }
      if (precedes(place, child)) break;
      heap[index] = child;
      child.at = index;
      index = below;
    }
    heap[index] = place;
    place.at = index;
  }
}
