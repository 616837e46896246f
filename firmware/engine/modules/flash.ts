// Module "embedded:storage/flash": raw NOR flash partitions. Erasing sets bits, writing only clears them.
import { call } from "./events.ts";
import { limits, ops, storageStatus } from "./ops.ts";
import { bytesOf, packet, textBytes, u32 } from "./packet.ts";

type Bytes = ArrayBuffer | ArrayBufferView;

interface OpenOptions {
  path: string;
  mode?: "r" | "r+";
}

interface FlashStatus {
  size: number;
  blocks: number;
  blockLength: number;
}

class FlashPartition {
  #path: Uint8Array;
  #mode: "r" | "r+";
  #size: number;
  #blockLength: number;

  constructor(options: OpenOptions) {
    this.#path = textBytes(options.path, limits.pathBytesMax);
    this.#mode = options.mode ?? "r+";
    const status = call(ops.flashStatus, packet([this.#path]));
    if (!status) throw new Error("partition not found");
    this.#size = u32(status);
    this.#blockLength = u32(status, 4);
  }

  status(): FlashStatus {
    const blocks = this.#size / this.#blockLength;
    return { size: this.#size, blocks, blockLength: this.#blockLength };
  }

  /** Reads `count` bytes, or fills a buffer, from `offset`. */
  read(count: number | Bytes, offset: number): ArrayBuffer | Bytes {
    const target = typeof count === "number" ? undefined : bytesOf(count);
    const wanted = typeof count === "number" ? count : (target?.length ?? 0);
    this.#check(offset, wanted);
    const bytes = call(ops.flashRead, packet([this.#path], offset, wanted));
    if (!bytes || bytes.byteLength !== wanted) throw new Error("read failed");
    if (!target) return bytes;
    target.set(new Uint8Array(bytes));
    return count as Bytes;
  }

  write(bytes: Bytes, offset: number): void {
    const source = bytesOf(bytes);
    this.#writable();
    this.#check(offset, source.length);
    this.#done(call(ops.flashWrite, packet([this.#path], offset, source)));
  }

  /** Erases blocks from `first` up to, not including, `end`. */
  eraseBlock(first: number, end: number = first + 1): void {
    this.#writable();
    const blocks = this.#size / this.#blockLength;
    if (!(first >= 0 && first < end && end <= blocks)) throw new RangeError("invalid block");
    this.#done(call(ops.flashErase, packet([this.#path], first, end - first)));
  }

  close(): void {
    this.#mode = "r";
  }

  #writable(): void {
    if (this.#mode !== "r+") throw new Error("read only");
  }

  #check(offset: number, count: number): void {
    if (!(offset >= 0 && count >= 0 && offset + count <= this.#size))
      throw new RangeError("out of range");
  }

  #done(answer: ArrayBuffer | undefined): void {
    if (!answer || new Uint8Array(answer)[0] !== storageStatus.ok) throw new Error("write failed");
  }
}

export default {
  open: (options: OpenOptions): FlashPartition => new FlashPartition(options),
};
