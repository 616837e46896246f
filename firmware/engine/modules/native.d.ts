/** What natives.c gives to the engine's own modules while they load; taken away before the app is imported. */
interface EngineNative {
  /** Synchronous request to the embedder; the answer, or undefined. */
  call(
    operation: number,
    buffer?: ArrayBufferLike,
    offset?: number,
    length?: number,
  ): ArrayBuffer | undefined;
  /** Milliseconds since power-on. */
  now(): number;
  /** Sets the wall clock, Unix milliseconds. */
  setClock(unixMs: number): void;
  /** 32 random bits, unsigned. */
  random(): number;
  /** Starts (or, with repeatMs < 0, stops) a timer of the embedder. */
  timer(id: number, delayMs: number, repeatMs: number): void;
  /** Ends the board with the reason "restart". */
  restart(): never;
  /** The functions that the embedder's timers and events arrive at. */
  listen(
    onTimer: (id: number) => void,
    onDeliver: (operation: number, bytes: ArrayBuffer) => void,
  ): void;
}

declare const native: EngineNative;

/** XS's own conversions, missing from the standard library's types. */
interface ArrayBufferConstructor {
  fromString(text: string): ArrayBuffer;
}
interface StringConstructor {
  fromArrayBuffer(buffer: ArrayBuffer): string;
}
