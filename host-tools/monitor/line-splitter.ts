// Lines from a serial line, whatever portions they arrive in and whatever bytes they hold.

/** A line without an end is cut here. */
export const lineCharactersMax = 4096;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  feed(bytes: Uint8Array): void {
    this.push(this.#decoder.decode(bytes, { stream: true }));
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    for (const line of lines) this.#onLine(line.slice(0, lineCharactersMax));
    while (this.#rest.length > lineCharactersMax) {
      this.#onLine(this.#rest.slice(0, lineCharactersMax));
      this.#rest = this.#rest.slice(lineCharactersMax);
    }
  }

  /** What came after the last line end, for example a prompt. */
  get rest(): string {
    return this.#rest;
  }

  flush(): void {
    if (this.#rest !== "") this.#onLine(this.#rest);
    this.#rest = "";
  }
}
