// A terminal without a person: keys go in, what was drawn last comes out.
import { PassThrough, Writable } from "node:stream";
import type { ScreenStreams } from "../../host-tools/cli/view/fleet-screen.ts";

export const arrow = { up: "\u001b[A", down: "\u001b[B" } as const;

export class Keyboard {
  readonly streams: ScreenStreams;
  readonly #stdin = new PassThrough();
  #drawn = "";
  #isListening: () => void = () => undefined;
  /** Resolves when the program has begun to listen to keys. */
  readonly listening = new Promise<void>((resolve) => {
    this.#isListening = resolve;
  });

  constructor() {
    const tty = {
      isTTY: true,
      setRawMode: (isRaw: boolean) => isRaw && setImmediate(this.#isListening),
      ref: () => undefined,
      unref: () => undefined,
    };
    const stdout = new Writable({
      write: (chunk, _encoding, done) => {
        this.#drawn += String(chunk);
        done();
      },
    });
    this.streams = {
      stdin: Object.assign(this.#stdin, tty) as unknown as NodeJS.ReadStream,
      stdout: Object.assign(stdout, { columns: 120, rows: 40 }) as unknown as NodeJS.WriteStream,
    };
  }

  /** Types keys; all of them arrive at once. */
  press(...keys: string[]): void {
    this.#stdin.write(keys.join(""));
  }

  /** Everything that was drawn so far. */
  get drawn(): string {
    return this.#drawn;
  }
}
