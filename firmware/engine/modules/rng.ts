// Module "rng" of the Moddable SDK: random bytes, from the embedder's generator.
import { random } from "./events.ts";

const bytesMax = 4096;

export default {
  get(count: number): ArrayBuffer {
    if (!(count >= 0 && count <= bytesMax)) throw new RangeError("invalid count");
    const bytes = new Uint8Array(count);
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      word = i % 4 === 0 ? random() : word >>> 8;
      bytes[i] = word & 0xff;
    }
    return bytes.buffer;
  },
};
