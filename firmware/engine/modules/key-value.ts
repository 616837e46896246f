// Module "embedded:storage/key-value": small persistent values with the limits of NVS on ESP32.
import { call } from "./events.ts";
import { limits, ops, storageStatus } from "./ops.ts";
import { bytesOf, packet, textBytes } from "./packet.ts";

type Bytes = ArrayBuffer | ArrayBufferView;
type Format = "buffer" | "string" | "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32";

interface OpenOptions {
  path: string;
  format?: Format;
  mode?: "r" | "r+";
}

const integerBytes: Record<string, number> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
};

function encode(format: Format, value: Bytes | string | number): Uint8Array {
  if (format === "buffer") return bytesOf(value as Bytes);
  if (format === "string") return new Uint8Array(ArrayBuffer.fromString(String(value)));
  const size = integerBytes[format] ?? 4;
  const isSigned = format.startsWith("i");
  const number = Number(value);
  const low = isSigned ? -(2 ** (size * 8 - 1)) : 0;
  if (!Number.isInteger(number) || number < low || number >= low + 2 ** (size * 8))
    throw new RangeError("invalid value");
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = Math.floor(number / 2 ** (8 * i)) & 0xff;
  return bytes;
}

function decode(format: Format, buffer: ArrayBuffer): ArrayBuffer | string | number {
  if (format === "buffer") return buffer;
  if (format === "string") return String.fromArrayBuffer(buffer);
  const size = integerBytes[format] ?? 4;
  const bytes = new Uint8Array(buffer);
  if (bytes.length !== size) throw new Error("invalid format");
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0);
  const isNegative = format.startsWith("i") && value >= 2 ** (size * 8 - 1);
  return isNegative ? value - 2 ** (size * 8) : value;
}

class KeyValueStore {
  format: Format;
  #path: Uint8Array;
  #mode: "r" | "r+";

  constructor(options: OpenOptions) {
    this.#path = textBytes(options.path, limits.pathBytesMax);
    this.format = options.format ?? "buffer";
    this.#mode = options.mode ?? "r+";
    if (this.format !== "buffer" && this.format !== "string" && !integerBytes[this.format])
      throw new RangeError("invalid format");
  }

  read(key: string): ArrayBuffer | string | number | undefined {
    const value = call(
      ops.keyValueRead,
      packet([this.#path], [textBytes(key, limits.keyBytesMax)]),
    );
    return value ? decode(this.format, value) : undefined;
  }

  write(key: string, value: Bytes | string | number): void {
    this.#writable();
    const bytes = encode(this.format, value);
    const name = textBytes(key, limits.keyBytesMax);
    const answer = call(ops.keyValueWrite, packet([this.#path], [name], bytes));
    const status = answer ? new Uint8Array(answer)[0] : storageStatus.refused;
    if (status === storageStatus.full) throw new Error("storage full");
    if (status !== storageStatus.ok) throw new Error("write failed");
  }

  delete(key: string): void {
    this.#writable();
    call(ops.keyValueDelete, packet([this.#path], [textBytes(key, limits.keyBytesMax)]));
  }

  close(): void {
    this.#mode = "r";
  }

  *[Symbol.iterator](): IterableIterator<string> {
    const answer = call(ops.keyValueKeys, packet([this.#path]));
    if (!answer) return;
    const bytes = new Uint8Array(answer);
    for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0))
      yield String.fromArrayBuffer(answer.slice(at + 1, at + 1 + (bytes[at] ?? 0)));
  }

  #writable(): void {
    if (this.#mode !== "r+") throw new Error("read only");
  }
}

export default {
  open: (options: OpenOptions): KeyValueStore => new KeyValueStore(options),
};
