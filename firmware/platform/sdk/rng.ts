/** In place of the SDK's module `rng`: each byte from the chip's entropy, conditioned by SHA-256 (SP 800-90B §3.1.5). */
import { Digest } from "crypt";

/** One digest, and the bytes of entropy that go into it: twice as many, because no source is perfect. */
const BLOCK_BYTES = 32;
const RAW_BYTES = 64;

/** The SDK's: a C function of the image by its name. */
declare function native(name: string): { call(receiver: unknown, count: number): unknown };

const chip = Object.freeze({
  /** Written as the SDK's compiler wants it, which puts the function of `rng.c` in place of this one. */
  entropy(byteLength: number): unknown {
    return native("godwit_entropy").call(this, byteLength);
  },
});

const rng = {
  /** `count` bytes that nobody can compute from others. */
  get(count: number): ArrayBuffer {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += BLOCK_BYTES) {
      const digest = new Digest("SHA256");
      digest.write(chip.entropy(RAW_BYTES) as ArrayBuffer);
      const block = new Uint8Array(digest.close());
      bytes.set(at + BLOCK_BYTES <= count ? block : block.subarray(0, count - at), at);
    }
    return bytes.buffer;
  },
};

export default Object.freeze(rng);
