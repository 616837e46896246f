// A running hash over everything observable in a world: equal seeds must give equal hashes.
import { createHash, type Hash } from "node:crypto";

/** Records events into a SHA-256; optionally hands each line to a listener (for `--json` and debugging). */
export class Trace {
  events = 0;
  #hash: Hash = createHash("sha256");
  #listener: ((line: string) => void) | undefined;

  constructor(listener?: (line: string) => void) {
    this.#listener = listener;
  }

  add(atMs: number, source: string, kind: string, bytes?: Uint8Array): void {
    this.events++;
    const line = `${atMs} ${source} ${kind} ${bytes?.length ?? 0}`;
    this.#hash.update(line);
    if (bytes) this.#hash.update(bytes);
    this.#listener?.(line);
  }

  /** Hexadecimal hash of everything so far; recording can go on. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
