// codec/hmac: test cases 1 to 4, 6 and 7 of RFC 4231 §4, and Node's own HMAC for every key length.
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { hmacSha256 } from "../../../firmware/codec/hmac.ts";
import type { Digest, Hash } from "../../../firmware/ports/digest.ts";
import { seeded } from "../../support/seeded.ts";

const digest: Digest = {
  sha256: () => {
    const state = createHash("sha256");
    const hash: Hash = {
      update: (bytes) => {
        state.update(bytes);
        return hash;
      },
      finish: () => new Uint8Array(state.digest()),
    };
    return hash;
  },
};

const text = (value: string) => new Uint8Array(Buffer.from(value, "latin1"));
const fill = (byte: number, count: number) => new Uint8Array(count).fill(byte);
const rising = Uint8Array.from({ length: 25 }, (_, i) => i + 1);

test.each([
  [
    fill(0x0b, 20),
    text("Hi There"),
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  ],
  [
    text("Jefe"),
    text("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    fill(0xaa, 20),
    fill(0xdd, 50),
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  ],
  [rising, fill(0xcd, 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"],
  [
    fill(0xaa, 131),
    text("Test Using Larger Than Block-Size Key - Hash Key First"),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    fill(0xaa, 131),
    text(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
])("RFC 4231 vector %#", (key, message, expected) => {
  expect(Buffer.from(hmacSha256(digest, key, message)).toString("hex")).toBe(expected);
});

test("agrees with Node for every key length up to 130", () => {
  const random = seeded("hmac");
  for (let length = 0; length <= 130; length++) {
    const key = random.bytes(length);
    const message = random.bytes(random.int(200));
    const expected = createHmac("sha256", key).update(message).digest("hex");
    expect(Buffer.from(hmacSha256(digest, key, message)).toString("hex")).toBe(expected);
  }
});
