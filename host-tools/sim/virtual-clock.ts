// Virtual time: an event queue that runs callbacks in order of (time, insertion), without waiting.

/** A scheduled callback; opaque to the caller. */
export interface Appointment {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Deterministic scheduler: equal calls give equal orders, whatever the machine does. */
export class VirtualClock {
  /** Milliseconds since the world began. */
  nowMs = 0;
  /** Callbacks run so far: a cheap measure of how much happened. */
  eventsRun = 0;
  #heap: Appointment[] = [];
  #order = 0;

  /** Runs `callback` at `atMs`, or as soon as possible when that is past. */
  at(atMs: number, callback: () => void): Appointment {
    if (!Number.isFinite(atMs)) throw new RangeError(`not a time: ${atMs}`);
    const appointment = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, callback };
    this.#push(appointment);
    return appointment;
  }

  after(delayMs: number, callback: () => void): Appointment {
    return this.at(this.nowMs + Math.max(0, delayMs), callback);
  }

  cancel(appointment: Appointment): void {
    appointment.callback = undefined;
  }

  /** Runs everything due up to and including `untilMs`; the clock stands there afterwards. */
  runUntil(untilMs: number): void {
    for (let next = this.#heap[0]; next && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      const { callback } = next;
      if (!callback) continue;
      this.nowMs = next.atMs;
      this.eventsRun++;
      callback();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  runFor(durationMs: number): void {
    this.runUntil(this.nowMs + durationMs);
  }

  /** Time of the next event, or Infinity. */
  nextMs(): number {
    while (this.#heap[0] && !this.#heap[0].callback) this.#pop();
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Runs until `condition` holds or `limitMs` of virtual time have passed; tells which. */
  runWhile(condition: () => boolean, limitMs: number): boolean {
    const endMs = this.nowMs + limitMs;
    while (condition()) {
      const nextMs = this.nextMs();
      if (nextMs > endMs) {
        this.nowMs = endMs;
        return false;
      }
      this.runUntil(nextMs);
    }
    return true;
  }

  #push(item: Appointment): void {
    const heap = this.#heap;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
