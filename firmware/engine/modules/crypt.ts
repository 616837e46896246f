// Module "crypt" of the Moddable SDK, as far as godwit uses it: message digests, computed by the embedder.
import { call } from "./events.ts";
import { ops } from "./ops.ts";
import { bytesOf, packet, textBytes, u32 } from "./packet.ts";

type Bytes = ArrayBuffer | ArrayBufferView;

const nameBytesMax = 16;

export class Digest {
  #handle: number;

  /** `SHA256`, `SHA384`, `SHA512`, `SHA1` or `MD5`. */
  constructor(name: string) {
    const handle = call(ops.digestOpen, packet([textBytes(name, nameBytesMax)]));
    if (!handle) throw new Error("unsupported digest");
    this.#handle = u32(handle);
  }

  write(value: Bytes | string): this {
    const bytes = typeof value === "string" ? ArrayBuffer.fromString(value) : value;
    call(ops.digestWrite, packet(this.#handle, bytesOf(bytes)));
    return this;
  }

  /** The digest; this object cannot be used afterwards. */
  close(): ArrayBuffer {
    const result = call(ops.digestClose, packet(this.#handle));
    if (!result) throw new Error("closed");
    return result;
  }
}
