// The member-wise JSON reader against JSON.parse: same members, same values, no surprises on garbage.
import fc from "fast-check";
import { GodwitError } from "godwit/codec/error";
import { JsonMembers, parseJson, sameJson, twinSize } from "godwit/twin/json";
import { expect, test } from "vitest";

const seed = 20_261_120;
const encode = (text: string) => new TextEncoder().encode(text);

function readAll(text: string): [string, unknown][] {
  const bytes = encode(text);
  const members = new JsonMembers(bytes);
  const found: [string, unknown][] = [];
  while (members.next()) {
    found.push([members.name, parseJson(bytes.subarray(members.start, members.end), 1000)]);
  }
  return found;
}

test("reads what JSON.parse reads", () => {
  const key = fc.string({ maxLength: 12, unit: "grapheme" });
  const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 });
  fc.assert(
    fc.property(object, fc.boolean(), (value, isSpaced) => {
      const text = isSpaced ? JSON.stringify(value, null, 2) : JSON.stringify(value);
      const expected = Object.entries(JSON.parse(text) as object);
      expect(readAll(text)).toEqual(expected);
    }),
    { seed, numRuns: 500 },
  );
});

test("any bytes end in members or in our own error", () => {
  const alphabet = '{}[]":,\\0123.eE+-truefalsn \n\tüA';
  const text = fc.string({
    unit: fc.constantFrom(...alphabet),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (tail) => {
      try {
        readAll(`{"a":${tail}`);
      } catch (error) {
        expect(error).toBeInstanceOf(GodwitError);
      }
    }),
    { seed, numRuns: 5000 },
  );
});

test("members that are too long to be ours are passed over without a name", () => {
  const [[name, value] = []] = readAll(`{"${"x".repeat(2000)}":1}`);
  expect([name, value]).toEqual(["", 1]);
});

test("two values are the same if a merge would not tell them apart", () => {
  expect(sameJson({ a: 1, b: null }, { a: 1 })).toBe(true);
  expect(sameJson({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  expect(sameJson({ a: { b: [1, 2] } }, { a: { b: [1, 2] } })).toBe(true);
  expect(sameJson({ a: 1 }, { a: 1, b: 2 })).toBe(false);
  expect(sameJson([1, 2], [1])).toBe(false);
  expect(sameJson([], {})).toBe(false);
  expect(sameJson("1", 1)).toBe(false);
  expect(sameJson(0, false)).toBe(false);
  expect(sameJson(JSON.parse('{"__proto__":1}'), {})).toBe(false);
});

test("sizes follow the hub's rule", () => {
  expect(twinSize("abc")).toBe(3);
  expect(twinSize("ü")).toBe(2);
  expect(twinSize(1)).toBe(8);
  expect(twinSize(true)).toBe(4);
  expect(twinSize({ ab: 1, c: { d: "xyz" } })).toBe(2 + 8 + 1 + 1 + 3);
});
