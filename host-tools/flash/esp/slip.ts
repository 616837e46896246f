// SLIP framing of the ESP serial loader (RFC 1055 with both ends marked).

const end = 0xc0;
const escapeMark = 0xdb;
const escapedEnd = 0xdc;
const escapedEscape = 0xdd;

/** Longest frame accepted: a 16 KiB block, its header, and some room. Longer ones are dropped. */
export const frameBytesMax = 0x4000 + 64;
/** Text kept from between frames (boot log); the oldest is dropped. */
export const noiseBytesMax = 4096;

/** One frame, escaped, with its end marks. `parts` are sent as one. */
export function encodeFrame(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 2;
  for (const part of parts) {
    size += part.length;
    for (const byte of part) if (byte === end || byte === escapeMark) size++;
  }
  const frame = new Uint8Array(size);
  let at = 0;
  frame[at++] = end;
  for (const part of parts) {
    for (const byte of part) {
      if (byte === end) {
        frame[at++] = escapeMark;
        frame[at++] = escapedEnd;
      } else if (byte === escapeMark) {
        frame[at++] = escapeMark;
        frame[at++] = escapedEscape;
      } else frame[at++] = byte;
    }
  }
  frame[at] = end;
  return frame;
}

/** Takes bytes in any portions, gives whole frames; what is between frames is kept as noise. */
export class SlipDecoder {
  readonly #buffer = new Uint8Array(frameBytesMax);
  readonly #onFrame: (frame: Uint8Array) => void;
  #length = 0;
  #isInside = false;
  #isEscaped = false;
  #isBroken = false;
  #noise: number[] = [];

  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes seen outside frames since the last `forgetNoise()`, newest last: a boot log, usually. */
  noise(): Uint8Array {
    return Uint8Array.from(this.#noise);
  }

  forgetNoise(): void {
    this.#noise = [];
  }

  /** Drops a frame that has begun. */
  reset(): void {
    this.#length = 0;
    this.#isInside = false;
    this.#isEscaped = false;
    this.#isBroken = false;
  }

  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === end) this.#mark();
      else if (!this.#isInside) this.#keepNoise(byte);
      else if (this.#isEscaped) this.#unescape(byte);
      else if (byte === escapeMark) this.#isEscaped = true;
      else this.#push(byte);
    }
  }

  #keepNoise(byte: number): void {
    this.#noise.push(byte);
    if (this.#noise.length >= 2 * noiseBytesMax) this.#noise = this.#noise.slice(-noiseBytesMax);
  }

  /** An end mark closes a frame that has content; otherwise it (again) opens one. */
  #mark(): void {
    const hasContent = this.#isInside && this.#length > 0;
    const isWhole = hasContent && !this.#isBroken && !this.#isEscaped;
    const frame = isWhole ? this.#buffer.slice(0, this.#length) : undefined;
    this.#isInside = !hasContent;
    this.#length = 0;
    this.#isEscaped = false;
    this.#isBroken = false;
    if (frame) this.#onFrame(frame);
  }

  #unescape(byte: number): void {
    this.#isEscaped = false;
    if (byte === escapedEnd) this.#push(end);
    else if (byte === escapedEscape) this.#push(escapeMark);
    else {
      this.#isBroken = true;
      this.#push(byte);
    }
  }

  #push(byte: number): void {
    if (this.#length === frameBytesMax) {
      this.#isBroken = true;
      return;
    }
    this.#buffer[this.#length++] = byte;
  }
}
