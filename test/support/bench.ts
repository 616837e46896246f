// A virtual ESP board on a virtual cable, and a client session to it.

import { EspBoard, type EspBoardOptions } from "../../host-tools/emulator/bench/esp-board.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire, type WireOptions } from "../../host-tools/emulator/bench/wire.ts";
import { type EspOptions, EspSession } from "../../host-tools/flash/esp/session.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import type { PortSource } from "../../host-tools/serial/port.ts";

export interface VirtualBench {
  readonly clock: VirtualClock;
  readonly board: EspBoard;
  readonly wire: Wire;
  readonly source: PortSource;
  connect(options?: Partial<EspOptions>): Promise<EspSession>;
}

export function virtualBench(
  chip: string,
  boardOptions: Partial<EspBoardOptions> = {},
  wireOptions: Partial<WireOptions> = {},
): VirtualBench {
  const clock = new VirtualClock();
  const board = new EspBoard({ target: targetById(chip)!, clock, ...boardOptions });
  const wire = new Wire(board, { clock, ...wireOptions });
  const source = memorySource("memory:bench", () => wire);
  return {
    clock,
    board,
    wire,
    source,
    connect: (options = {}) => EspSession.connect({ source, clock, ...options }),
  };
}

/** Repeatable bytes that compress to about a third, as firmware does. */
export function sampleImage(size: number, seed: number): Uint8Array {
  const next = prng(seed);
  const bytes = new Uint8Array(size);
  // The first byte stays 0: 0xE9 would make it an (invalid) ESP image.
  for (let at = 1; at < size; ) {
    const run = 1 + (next() % 24);
    const isRepeat = at > 256 && next() % 3 !== 0;
    const back = 1 + (next() % 255);
    for (let index = 0; index < run && at < size; index++, at++) {
      bytes[at] = isRepeat ? bytes[at - back]! : next() & 0xff;
    }
  }
  return bytes;
}

/** xorshift32: small, seeded, good enough to choose test cases. */
export function prng(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Byte equality; far faster than a deep comparison. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
