// Delta batches of a recording, and what their making leaves in memory; runs on XS and in Node.
import { DeltaEncoder } from "godwit/codec/delta/encoder";

export interface Recording {
  names: readonly string[];
  tick: "ms" | "us";
  times: readonly number[];
  rows: readonly (readonly (number | undefined)[])[];
}

export interface RunOptions {
  profile: "static" | "adaptive";
  rowsMax: number;
  /** Called before the first slice of a batch (true) and after each. */
  onSlice?: (isStart: boolean) => void;
}

export function createEncoder(recording: Recording, options: RunOptions): DeltaEncoder {
  return new DeltaEncoder({
    channels: recording.names.map((name) => ({ name })),
    profile: options.profile,
    tick: recording.tick,
    rowsMax: options.rowsMax,
    bytesMax: 4096,
  });
}

/** Batches of one encoder over the whole recording, in hex. */
export function run(recording: Recording, options: RunOptions): string[] {
  const { rowsMax, onSlice } = options;
  const encoder = createEncoder(recording, options);
  const lines: string[] = [];
  for (let row = 0; row + rowsMax <= recording.rows.length; row += rowsMax) {
    for (let i = row; i < row + rowsMax; i++)
      encoder.record(recording.times[i]!, recording.rows[i]!);
    const slices = encoder.slices();
    onSlice?.(true);
    let slice = slices.next();
    while (!slice.done) {
      onSlice?.(false);
      slice = slices.next();
    }
    onSlice?.(false);
    let line = "";
    for (const byte of slice.value.bytes) line += (byte < 16 ? "0" : "") + byte.toString(16);
    lines.push(line);
  }
  return lines;
}
