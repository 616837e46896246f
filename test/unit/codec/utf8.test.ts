// codec/utf8 against the platform's TextEncoder and TextDecoder (fatal), which serve as oracle.
import { expect, test } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { decodeUtf8, encodeUtf8, writeUtf8 } from "../../../firmware/codec/utf8.ts";
import { seeded } from "../../support/seeded.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function oracle(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function ours(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof GodwitError && error.code === "malformed") return undefined;
    throw error;
  }
}

test("every code point survives both ways, as the platform writes it", () => {
  for (let base = 0; base <= 0x10ffff; base += 0x400) {
    if (base >= 0xd800 && base <= 0xdfff) continue;
    const text = String.fromCodePoint(...Array.from({ length: 0x400 }, (_, i) => base + i));
    const bytes = encodeUtf8(text);
    expect(Buffer.compare(bytes, encoder.encode(text))).toBe(0);
    expect(decodeUtf8(bytes)).toBe(text);
  }
});

const everyByte = Array.from({ length: 256 }, (_, byte) => byte);
const leads = [0x7f, 0x80, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
const boundaries = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];

test("sequences of one to four bytes around every boundary are judged as the platform judges them", () => {
  for (let first = 0; first < 256; first++) {
    expect(ours(Uint8Array.of(first))).toBe(oracle(Uint8Array.of(first)));
    for (const second of leads.includes(first) ? everyByte : boundaries) {
      const pair = Uint8Array.of(first, second);
      if (ours(pair) !== oracle(pair)) expect.fail(`${pair}`);
      if (first < 0xe0 || !boundaries.includes(second)) continue;
      for (const third of [0x7f, 0x80, 0xbf, 0xc0]) {
        const triple = Uint8Array.of(first, second, third);
        if (ours(triple) !== oracle(triple)) expect.fail(`${triple}`);
        const quad = Uint8Array.of(first, second, third, 0x80);
        if (ours(quad) !== oracle(quad)) expect.fail(`${quad}`);
      }
    }
  }
});

test("mutated text is judged as the platform judges it", () => {
  const random = seeded("utf8 mutations");
  const letters = ["a", "é", "€", "😀", "\u0000", "\ufeff", "\uffff"];
  for (let round = 0; round < 5000; round++) {
    let text = "";
    for (let i = random.int(200); i >= 0; i--) text += random.pick(letters);
    const bytes = encodeUtf8(text);
    if (random.chance(0.8)) bytes[random.int(bytes.length)] = random.int(256);
    const cut = bytes.subarray(0, random.chance(0.3) ? random.int(bytes.length) : bytes.length);
    expect(ours(cut)).toBe(oracle(cut));
  }
});

test("half a surrogate pair is refused, wherever it stands", () => {
  for (const at of [0, 1, 62, 63, 64, 65, 127, 128])
    for (const half of ["\ud83d", "\ude00", "\ude00\ud83d", "\ud83dx", "\ud83d\ud83d\ude00"])
      expect(() => encodeUtf8(`${"x".repeat(at)}${half}`)).toThrow(GodwitError);
});

test("writes at an offset and returns the end; without target it counts", () => {
  const target = new Uint8Array(8);
  expect(writeUtf8("é€", target, 2)).toBe(7);
  expect([...target]).toEqual([0, 0, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0]);
  expect(writeUtf8("é€")).toBe(5);
});

test("the offset of the bad sequence is named", () => {
  expect(() => decodeUtf8(Uint8Array.of(0x61, 0xc3, 0xa9, 0xed, 0xa0, 0x80))).toThrow("byte 3");
});
