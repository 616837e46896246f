// codec/base64, percent, crc32 and error against Node's own implementations.
import { crc32 as nodeCrc32 } from "node:zlib";
import { expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../../../firmware/codec/base64.ts";
import { crc32 } from "../../../firmware/codec/crc32.ts";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { decodePercent, encodePercent } from "../../../firmware/codec/percent.ts";
import { seeded } from "../../support/seeded.ts";

test("Base64 agrees with Node for random bytes of every length up to 100", () => {
  const random = seeded("base64");
  for (let length = 0; length <= 100; length++)
    for (let round = 0; round < 10; round++) {
      const bytes = random.bytes(length);
      const text = Buffer.from(bytes).toString("base64");
      expect(encodeBase64(bytes)).toBe(text);
      expect([...decodeBase64(text)]).toEqual([...bytes]);
    }
});

test.each([
  "A",
  "AA",
  "AAA",
  "AA=A",
  "A===",
  "====",
  "AAA*",
  "AA A",
  "AB==",
  "AAB=",
  "AAAA\n",
  "AA-_",
  "AAAé",
  "AA==AAAA",
])("Base64 %j is refused, and the text (it may be a key) is not quoted", (text) => {
  const caught = catchError(() => decodeBase64(text));
  expect(caught.code).toBe("malformed");
  expect(caught.message).not.toContain(text);
});

function catchError(run: () => unknown): GodwitError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GodwitError);
    return error as GodwitError;
  }
  return expect.fail("nothing was thrown");
}

test("percent-encoding agrees with encodeURIComponent but for the five marks that RFC 3986 reserves", () => {
  const random = seeded("percent");
  for (let round = 0; round < 2000; round++) {
    let text = "";
    for (let i = random.int(20); i > 0; i--)
      text += String.fromCodePoint(random.pick([random.int(128), 0xe9, 0x20ac, 0x1f600]));
    const expected = encodeURIComponent(text).replace(
      /[!'()*]/g,
      (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    expect(encodePercent(text)).toBe(expected);
    expect(decodePercent(expected)).toBe(text);
    expect(decodePercent(encodeURIComponent(text))).toBe(text);
  }
  expect(decodePercent("a+b%2f%2F")).toBe("a+b//");
});

test.each(["%", "%4", "%4g", "%g4", "a%", "%ff", "%c3", "%ed%a0%80", "%%41"])(
  "escape %j is refused",
  (text) => {
    expect(catchError(() => decodePercent(text)).code).toBe("malformed");
  },
);

test("CRC-32: the check value of the standard, and Node's zlib", () => {
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
  const random = seeded("crc32");
  for (let round = 0; round < 200; round++) {
    const bytes = random.bytes(random.int(300));
    const cut = random.int(bytes.length + 1);
    expect(crc32(bytes)).toBe(nodeCrc32(bytes));
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(nodeCrc32(bytes));
  }
});

test("an error carries code, message and cause", () => {
  const cause = new RangeError("inner");
  const error = new GodwitError("limit", "too much", cause);
  expect(error).toMatchObject({ name: "GodwitError", code: "limit", message: "too much", cause });
  expect("cause" in new GodwitError("limit", "too much")).toBe(false);
});
