// Where the embedder's timers and events arrive, and the way back: the only module that names `native`.
const { call, now, setClock, random, timer, listen, restart } = native;

export { call, now, random, restart, setClock };

type Handler = (bytes: ArrayBuffer) => void;

// Module state is allowed here and only here: these modules belong to the engine, not to a preloaded image.
const timers = new Map<number, () => void>();
const handlers = new Map<number, Handler>();
let nextTimerId = 1;

listen(
  (id) => timers.get(id)?.(),
  (operation, bytes) => handlers.get(operation)?.(bytes),
);

/** Registers a timer's callback; returns its id. It does not run yet. */
export function addTimer(callback: () => void): number {
  const id = nextTimerId++;
  timers.set(id, callback);
  return id;
}

/** (Re)starts a timer: first after `delayMs`, then every `repeatMs` when that is > 0. */
export function startTimer(id: number, delayMs: number, repeatMs: number): void {
  timer(id, delayMs, repeatMs);
}

/** Stops a timer and forgets its callback. */
export function removeTimer(id: number): void {
  if (timers.delete(id)) timer(id, 0, -1);
}

/** Stops a timer but keeps its callback for a later start. */
export function pauseTimer(id: number): void {
  timer(id, 0, -1);
}

/** Registers who gets the embedder's events of one kind. */
export function onEvent(operation: number, handler: Handler): void {
  handlers.set(operation, handler);
}
