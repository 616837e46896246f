// Shows another thread whether a board is inside a turn, and which: a loop inside the engine cannot be asked.

/** Shared cells: turns begun and ended so far (odd: inside one), and the number of the board. */
const cells = { turn: 0, board: 1, count: 2 } as const;

export class TurnBeacon {
  readonly buffer: SharedArrayBuffer;
  #cells: Int32Array;

  constructor(buffer = new SharedArrayBuffer(cells.count * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer);
  }

  /** The board's thread: a turn of `board` begins. */
  enter(board: number): void {
    Atomics.store(this.#cells, cells.board, board);
    Atomics.add(this.#cells, cells.turn, 1);
  }

  leave(): void {
    Atomics.add(this.#cells, cells.turn, 1);
  }

  /** The watching thread: the turn that is running, or undefined. */
  running(): { turn: number; board: number } | undefined {
    const turn = Atomics.load(this.#cells, cells.turn);
    if (turn % 2 === 0) return undefined;
    return { turn, board: Atomics.load(this.#cells, cells.board) };
  }
}
