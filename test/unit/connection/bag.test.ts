/** Property bags: round trips, agreement with Node's query strings, and hostile input (seeded). */
import { parse as parseQuery } from "node:querystring";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import {
  BAG_PROPERTIES_MAX,
  CONTENT_ENCODING,
  CONTENT_TYPE,
  decodeBag,
  encodeBag,
} from "../../../firmware/connection/bag.ts";

const SEED = 20_261_120;
const wellFormed = fc
  .string({ unit: "binary", maxLength: 20 })
  .filter((text) => !/[\uD800-\uDFFF]/.test(text));
const bags = fc.uniqueArray(
  fc.tuple(
    wellFormed.filter((name) => name !== ""),
    fc.option(wellFormed),
  ),
  { selector: ([name]) => name, maxLength: 12 },
);

describe("encodeBag", () => {
  it("keeps the dollar of system properties and escapes the rest", () => {
    const text = encodeBag([
      [CONTENT_TYPE, "application/json"],
      [CONTENT_ENCODING, "utf-8"],
      ["k 1", "v&=+ü"],
      ["bare", null],
      ["empty", ""],
    ]);
    expect(text).toBe("$.ct=application%2Fjson&$.ce=utf-8&k%201=v%26%3D%2B%C3%BC&bare&empty=");
  });

  it("refuses a property without a name", () => {
    expect(() => encodeBag([["", "x"]])).toThrow(GodwitError);
  });

  it(`round-trips any text and never makes a character a topic cannot hold (seed ${SEED})`, () => {
    fc.assert(
      fc.property(bags, (properties) => {
        const text = encodeBag(properties);
        expect(text).toMatch(/^[A-Za-z0-9$.\-_~%&=]*$/);
        expect([...decodeBag(text)]).toEqual(properties);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it(`agrees with node:querystring on what it means (seed ${SEED})`, () => {
    fc.assert(
      fc.property(bags, (properties) => {
        const theirs = new Map(Object.entries(parseQuery(encodeBag(properties))));
        for (const [name, value] of properties) {
          if (name === "__proto__") continue;
          expect(theirs.get(name)).toBe(value ?? "");
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe("decodeBag", () => {
  it("decodes names before anybody matches them", () => {
    const bag = decodeBag("%24.ct=a%2fb&$.mid=7&bare&empty=&__proto__=x");
    expect([...bag]).toEqual([
      ["$.ct", "a/b"],
      ["$.mid", "7"],
      ["bare", null],
      ["empty", ""],
      ["__proto__", "x"],
    ]);
  });

  it.each([
    ["a=1&&b=2", "without a name at offset 4"],
    ["=1", "without a name at offset 0"],
    ["a=1&%61=2", "second property 'a' at offset 4"],
    ["a=%2", "bad percent escape at offset 2"],
    ["a=%C3%28", "bad percent escape at offset 2"],
    ["a=1=2", "must be percent-encoded at offset 3"],
    ["a=ü", "must be percent-encoded at offset 2"],
    ["ok=1&a b=1", "must be percent-encoded at offset 6"],
  ])("refuses %j", (text, message) => {
    expect(() => decodeBag(text)).toThrow(GodwitError);
    expect(() => decodeBag(text)).toThrow(message);
  });

  it("bounds the number of properties", () => {
    const names = Array.from({ length: BAG_PROPERTIES_MAX + 1 }, (_, index) => `p${index}`);
    expect(decodeBag(names.slice(1).join("&")).size).toBe(BAG_PROPERTIES_MAX);
    expect(() => decodeBag(names.join("&"))).toThrow(/more than 128/);
  });

  it(`throws nothing but GodwitError on garbage (seed ${SEED})`, () => {
    const garbage = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("%", "&", "=", "2", "4", "$", ".", "C", "3", "a") }),
    );
    fc.assert(
      fc.property(garbage, (text) => {
        try {
          decodeBag(text);
        } catch (error) {
          expect(error).toBeInstanceOf(GodwitError);
        }
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });
});
