/** Random numbers of boards: conditioned entropy, enough of it, and never the entropy itself. */
import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";

const chip = vi.hoisted(() => {
  const raw: Uint8Array[] = [];
  const native = (name: string) => ({
    call: (_receiver: unknown, byteLength: number) => {
      if (name !== "godwit_entropy") throw new Error(name);
      const bytes = Uint8Array.from({ length: byteLength }, (_, i) => raw.length * 31 + i);
      raw.push(bytes);
      return bytes.buffer;
    },
  });
  Object.assign(globalThis, { native });
  return { raw };
});

vi.mock("crypt", () => ({
  Digest: class {
    readonly #hash;
    constructor(name: string) {
      this.#hash = createHash(name);
    }
    write(bytes: ArrayBuffer) {
      this.#hash.update(new Uint8Array(bytes));
    }
    close() {
      return Uint8Array.from(this.#hash.digest()).buffer;
    }
  },
}));

const { default: rng } = await import("../../../firmware/platform/sdk/rng.ts");

afterEach(() => void chip.raw.splice(0));

test.each([0, 1, 31, 32, 33, 64, 100])(
  "%i bytes: a digest of 64 fresh bytes for each 32",
  (count) => {
    const bytes = Buffer.from(rng.get(count));
    expect(chip.raw.map((raw) => raw.length)).toEqual(Array(Math.ceil(count / 32)).fill(64));
    const digests = chip.raw.map((raw) => createHash("sha256").update(raw).digest());
    expect(bytes).toEqual(Buffer.concat(digests).subarray(0, count));
  },
);

test("no two calls share entropy, and an impossible count is refused", () => {
  expect(Buffer.from(rng.get(16))).not.toEqual(Buffer.from(rng.get(16)));
  expect(chip.raw.length).toBe(2);
  expect(() => rng.get(-1)).toThrow(RangeError);
});
