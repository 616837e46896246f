// JSON objects one after another out of bytes: lines, an array, or simply in a row. Survives what comes behind them.
import { UserError } from "../user-error.ts";

export interface JsonText {
  readonly bytes: Uint8Array;
  /** Byte of the stream at which the object begins. */
  readonly offset: number;
}

/** Far above a message of 256 KB in base64 with its properties. */
const OBJECT_BYTES_MAX = 4 << 20;
const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, 0x7b, 0x7d];
/** Space, tab, line ends, comma, brackets of the array, byte order mark. */
const BETWEEN = new Set([0x20, 0x09, 0x0a, 0x0d, 0x2c, 0x5b, 0x5d, 0xef, 0xbb, 0xbf]);

export function foreign(source: string, offset: number, what: string): UserError {
  return new UserError(`${source}: byte ${offset}: ${what}`, {
    code: "foreign",
    hint: "events as JSON lines or a JSON array; files of telemetry encode: godwit telemetry decode",
  });
}

/** Finds the ends of objects; their content is not looked at. */
export class JsonSplitter {
  private readonly source: string;
  private parts: Uint8Array[] = [];
  private partBytes = 0;
  private offset = 0;
  private start = 0;
  private depth = 0;
  private isText = false;
  private isEscaped = false;

  constructor(source: string) {
    this.source = source;
  }

  /** @throws UserError naming the byte where something else than an object stands */
  *push(chunk: Uint8Array): Generator<JsonText> {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.depth === 0) {
        if (byte === OPEN) {
          this.depth = 1;
          this.start = this.offset + i;
          from = i;
        } else if (!BETWEEN.has(byte)) {
          throw foreign(this.source, this.offset + i, "neither an object nor a separator");
        }
      } else if (this.ends(byte)) {
        this.keep(chunk.subarray(from, i + 1));
        yield { bytes: this.taken(), offset: this.start };
      }
    }
    if (this.depth > 0) this.keep(chunk.subarray(from));
    this.offset += chunk.length;
  }

  /** @throws UserError if the last object has no end */
  end(): void {
    if (this.depth > 0)
      throw foreign(
        this.source,
        this.offset,
        `cut off: the object at byte ${this.start} has no end`,
      );
  }

  private taken(): Uint8Array {
    const bytes = new Uint8Array(this.partBytes);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.parts = [];
    this.partBytes = 0;
    return bytes;
  }

  private keep(part: Uint8Array): void {
    this.parts.push(part);
    this.partBytes += part.length;
    if (this.partBytes > OBJECT_BYTES_MAX)
      throw foreign(this.source, this.start, `an object of more than ${OBJECT_BYTES_MAX} bytes`);
  }

  private ends(byte: number): boolean {
    if (this.isEscaped) this.isEscaped = false;
    else if (this.isText) {
      if (byte === BACKSLASH) this.isEscaped = true;
      else if (byte === QUOTE) this.isText = false;
    } else if (byte === QUOTE) this.isText = true;
    else if (byte === OPEN) this.depth++;
    else if (byte === CLOSE) this.depth--;
    return this.depth === 0;
  }
}
