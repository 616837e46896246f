// codec/cbor against cbor-x and the examples of RFC 8949 appendix A; decoding of hostile bytes.
import { decode as decodeX, Encoder } from "cbor-x";
import { expect, test } from "vitest";
import { encodeCbor } from "../../../firmware/codec/cbor.ts";
import { decodeCbor } from "../../../firmware/codec/cbor-decode.ts";
import {
  CBOR_DEPTH_MAX,
  CBOR_ITEMS_MAX,
  type CborValue,
} from "../../../firmware/codec/cbor-value.ts";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { type Seeded, seeded } from "../../support/seeded.ts";

const encoderX = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

// Appendix A, the rows inside our data model; all of them are in deterministic form.
const EXAMPLES: [string, CborValue][] = [
  ["00", 0],
  ["01", 1],
  ["0a", 10],
  ["17", 23],
  ["1818", 24],
  ["1819", 25],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1000000],
  ["1b000000e8d4a51000", 1000000000000],
  ["20", -1],
  ["29", -10],
  ["3863", -100],
  ["3903e7", -1000],
  ["f98000", -0],
  ["fb3ff199999999999a", 1.1],
  ["f93e00", 1.5],
  ["fa7f7fffff", 3.4028234663852886e38],
  ["f90001", 2 ** -24],
  ["f90400", 0.00006103515625],
  ["fbc010666666666666", -4.1],
  ["f97c00", Number.POSITIVE_INFINITY],
  ["f97e00", Number.NaN],
  ["f9fc00", Number.NEGATIVE_INFINITY],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", new Uint8Array(0)],
  ["4401020304", Uint8Array.of(1, 2, 3, 4)],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "ü"],
  ["63e6b0b4", "水"],
  ["64f0908591", "𐅑"],
  ["80", []],
  ["83010203", [1, 2, 3]],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  [
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
    Array.from({ length: 25 }, (_, i) => i + 1),
  ],
  ["a0", {}],
  ["a26161016162820203", { a: 1, b: [2, 3] }],
  ["826161a161626163", ["a", { b: "c" }]],
  ["a56161614161626142616361436164614461656145", { a: "A", b: "B", c: "C", d: "D", e: "E" }],
];

test.each(EXAMPLES)("RFC 8949 appendix A: %s", (text, value) => {
  expect(hex(encodeCbor(value))).toBe(text);
  expect(decodeCbor(bytesOf(text))).toEqual(value);
});

test("numbers take the shortest form that loses nothing, and come back bit for bit", () => {
  const random = seeded("cbor numbers");
  const view = new DataView(new ArrayBuffer(8));
  for (let bits = 0; bits < 65536; bits++) {
    const half = decodeCbor(Uint8Array.of(0xf9, bits >> 8, bits)) as number;
    if (Number.isNaN(half) || Number.isSafeInteger(half)) continue;
    const expected = `f9${bits.toString(16).padStart(4, "0")}`;
    if (hex(encodeCbor(half)) !== expected) expect.fail(expected);
  }
  for (let round = 0; round < 20000; round++) {
    for (let i = 0; i < 8; i++) view.setUint8(i, random.int(256));
    const value = random.pick([
      () => view.getFloat64(0),
      () => view.getFloat32(0),
      () => (random.int(2 ** 20) - 2 ** 19) / 2 ** random.int(30),
      () => (random.chance(0.5) ? -1 : 1) * Math.floor(2 ** (random.int(5300) / 100)),
    ])();
    const bytes = encodeCbor(value);
    const isSame = Object.is(decodeCbor(bytes), value) && Object.is(Number(decodeX(bytes)), value);
    const isLong = bytes.length > 5;
    const isShortest =
      Number.isSafeInteger(value) ||
      isLong === (Math.fround(value) !== value && !Number.isNaN(value));
    if (!isSame || !isShortest) expect.fail(`${value} is ${hex(bytes)}`);
  }
});

test.each([
  [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
  [Number.MIN_SAFE_INTEGER, "3b001ffffffffffffe"],
  [65504, "19ffe0"],
  [65504.5, "fa477fe080"],
  [2 ** 53, "fa5a000000"],
])("%d is %s", (value, text) => {
  expect(hex(encodeCbor(value))).toBe(text);
  expect(decodeCbor(bytesOf(text))).toBe(value);
});

test("keys are sorted bytewise by their encoding, so equal values give equal bytes", () => {
  const bytes = encodeCbor({ bb: 1, a: 2, é: 3, z: 4, "": 5 });
  expect(Object.keys(decodeCbor(bytes) as object)).toEqual(["", "a", "z", "bb", "é"]);
  expect(hex(encodeCbor({ "": 5, z: 4, é: 3, a: 2, bb: 1 }))).toBe(hex(bytes));
});

function randomValue(random: Seeded, depth: number): CborValue {
  const kind = random.int(depth > 3 ? 6 : 8);
  if (kind === 0) return random.int(2 ** 32) - 2 ** 31;
  if (kind === 1) return random.int(10 ** 6) / 1000;
  if (kind === 2) return "ü".repeat(random.int(30)) + random.int(1000);
  if (kind === 3) return random.chance(0.5);
  if (kind === 4) return null;
  if (kind === 5) return random.bytes(random.int(40));
  const count = random.int(6);
  if (kind === 6) return Array.from({ length: count }, () => randomValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: count }, () => [`k${random.int(99999)}`, randomValue(random, depth + 1)]),
  );
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item) =>
      item instanceof Uint8Array || item?.type === "Buffer" ? [...(item.data ?? item)] : item,
    ),
  );

test("cbor-x reads what we write, and we read what cbor-x writes", () => {
  const random = seeded("cbor differential");
  for (let round = 0; round < 1500; round++) {
    const value = randomValue(random, 0);
    expect(plain(decodeX(encodeCbor(value)))).toEqual(plain(value));
    expect(decodeCbor(new Uint8Array(encoderX.encode(value)))).toEqual(value);
  }
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof GodwitError) return error.code;
    throw error;
  }
  return "accepted";
}

test("random and mutated bytes end in a value or in our own error", () => {
  const random = seeded("cbor garbage");
  const verdicts = new Set<string>();
  for (let round = 0; round < 8000; round++) {
    const bytes = random.chance(0.5)
      ? random.bytes(1 + random.int(40))
      : encodeCbor(randomValue(random, 0));
    for (let i = random.int(3); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
    verdicts.add(codeOf(() => decodeCbor(bytes)));
  }
  expect([...verdicts].sort()).toEqual(["accepted", "malformed"]);
});

test.each([
  ["", "nothing"],
  ["0000", "bytes left over"],
  ["18", "cut argument"],
  ["1c", "reserved length"],
  ["5f4100ff", "indefinite bytes"],
  ["9fff", "indefinite array"],
  ["bfff", "indefinite map"],
  ["c000", "tag"],
  ["f7", "undefined"],
  ["f8ff", "simple value"],
  ["ff", "break"],
  ["a10101", "integer key"],
  ["a2616101616102", "duplicate key"],
  ["a1695f5f70726f746f5f5f01", "__proto__"],
  ["61ff", "invalid UTF-8"],
  ["9affffffff", "huge array"],
  ["bbffffffffffffffff", "huge map"],
  ["5b0000000100000000", "huge bytes"],
  ["1b0020000000000000", "past 2^53"],
  ["3b001fffffffffffff", "past -2^53"],
])("%s (%s) is malformed", (text) => {
  expect(codeOf(() => decodeCbor(bytesOf(text)))).toBe("malformed");
});

test("depth, items and size are bounded", () => {
  const nested = (depth: number): CborValue => (depth === 0 ? 1 : [nested(depth - 1)]);
  expect(decodeCbor(encodeCbor(nested(CBOR_DEPTH_MAX)))).toEqual(nested(CBOR_DEPTH_MAX));
  expect(codeOf(() => encodeCbor(nested(CBOR_DEPTH_MAX + 1)))).toBe("limit");
  expect(codeOf(() => decodeCbor(new Uint8Array(5000).fill(0x81)))).toBe("limit");
  const many = new Array<number>(CBOR_ITEMS_MAX).fill(0);
  expect(codeOf(() => encodeCbor(many))).toBe("limit");
  expect(codeOf(() => decodeCbor(Uint8Array.of(0x99, 0x10, 0x00, ...many)))).toBe("limit");
  expect(decodeCbor(encodeCbor(many.slice(1)))).toEqual(many.slice(1));
  const pairs = Object.fromEntries(many.slice(0, CBOR_ITEMS_MAX / 2).map((_, i) => [`${i}`, 0]));
  expect(codeOf(() => encodeCbor(pairs))).toBe("limit");
  expect(codeOf(() => encodeCbor("x".repeat(100), 100))).toBe("limit");
  expect(encodeCbor("x".repeat(98), 100)).toHaveLength(100);
});

test("what has no CBOR form is the caller's mistake", () => {
  for (const value of [undefined, () => 1, 1n, Symbol("s"), { a: undefined }])
    expect(codeOf(() => encodeCbor(value as unknown as CborValue))).toBe("argument");
});
