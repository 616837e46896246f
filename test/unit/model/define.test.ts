// defineModel refuses impossible models at definition time and names the field.
import { defineModel } from "godwit/model/define";
import type { ModelSpec } from "godwit/model/types";
import { expect, test } from "vitest";

const id = "dtmi:com:example:Thermostat;1";

test("a complete model is returned as it was written", () => {
  const spec = {
    id,
    displayName: "Thermostat",
    telemetry: { temperature: { type: "double", unit: "degreeCelsius", min: -40, max: 85 } },
    properties: {
      targetTemperature: { type: "double", writable: true, default: 21, min: 5, max: 30 },
      mode: { type: "enum", values: ["heat", "cool"], writable: true },
      place: { type: "object", fields: { room: { type: "string", maxLength: 20 } } },
    },
    commands: { reboot: { request: { type: "integer" } }, history: { response: list() } },
  } as const;
  expect(defineModel(spec)).toBe(spec);
});

function list() {
  return { type: "array", items: { type: "double" }, maxItems: 10 } as const;
}

const wrong: [string, unknown, string][] = [
  ["id", { id: "com:example:Thermostat;1" }, 'id "com:example'],
  ["version 0", { id: "dtmi:a;0" }, "not a DTMI"],
  ["leading zero", { id: "dtmi:a;01" }, "not a DTMI"],
  ["exponent", { id: "dtmi:a;1e3" }, "not a DTMI"],
  ["no version", { id: "dtmi:a" }, "not a DTMI"],
  ["two versions", { id: "dtmi:a;1;2" }, "not a DTMI"],
  ["empty segment", { id: "dtmi:a::b;1" }, "not a DTMI"],
  ["segment", { id: "dtmi:a:1b;1" }, "not a DTMI"],
  ["too long", { id: `dtmi:${"a".repeat(124)};1` }, "not a DTMI"],
  ["missing id", {}, "not a DTMI"],
  ["section", { id, properies: {} }, 'unknown key "properies"'],
  ["first letter", { id, telemetry: { "1st": { type: "double" } } }, "1st is not a DTDL name"],
  ["underscore", { id, telemetry: { t_: { type: "double" } } }, "t_ is not a DTDL name"],
  [
    "prototype",
    { id, telemetry: { ["__proto__"]: { type: "double" } } },
    "__proto__ is not a DTDL",
  ],
  ["long name", { id, telemetry: { ["a".repeat(65)]: { type: "double" } } }, "is not a DTDL name"],
  ["dot", { id, commands: { "a.b": {} } }, "a.b is not a DTDL name"],
  [
    "duplicate",
    { id, telemetry: { level: { type: "double" } }, properties: { level: { type: "double" } } },
    'contents names "level" twice',
  ],
  ["no schema", { id, telemetry: { a: null } }, "telemetry.a is not a schema"],
  ["type", { id, telemetry: { a: { type: "decimal" } } }, 'telemetry.a.type "decimal"'],
  ["inherited type", { id, telemetry: { a: { type: "constructor" } } }, '"constructor" is none of'],
  ["key", { id, telemetry: { a: { type: "double", maximum: 3 } } }, 'unknown key "maximum"'],
  ["writable telemetry", { id, telemetry: { a: { type: "double", writable: true } } }, "writable"],
  ["range", { id, telemetry: { a: { type: "double", min: 3, max: 2 } } }, "min 3 is above max 2"],
  ["bound", { id, telemetry: { a: { type: "integer", min: 0.5 } } }, "a.min 0.5 is not an integer"],
  ["32 bits", { id, telemetry: { a: { type: "integer", max: 2 ** 31 } } }, "does not fit 32 bits"],
  ["NaN", { id, telemetry: { a: { type: "double", max: Number.NaN } } }, "not a finite number"],
  ["resolution", { id, telemetry: { a: { type: "double", resolution: 0 } } }, "a.resolution 0"],
  [
    "coarse resolution",
    { id, telemetry: { a: { type: "double", min: 0, max: 1, resolution: 2 } } },
    "a.resolution 2",
  ],
  ["no values", { id, properties: { a: { type: "enum", values: [] } } }, "at least one name"],
  ["value twice", { id, properties: { a: { type: "enum", values: ["x", "x"] } } }, '"x" twice'],
  ["value name", { id, properties: { a: { type: "enum", values: ["x y"] } } }, "not a DTDL name"],
  ["array", { id, properties: { a: list() } }, "DTDL 2 has none in properties"],
  ["length", { id, properties: { a: { type: "string", maxLength: 5000 } } }, "from 1 to 4096"],
  ["items", { id, commands: { a: { request: { ...list(), maxItems: 0 } } } }, "maxItems must be"],
  ["no fields", { id, properties: { a: { type: "object", fields: {} } } }, "at least one name"],
  [
    "default type",
    { id, properties: { a: { type: "double", writable: true, default: "x" } } },
    "a.default",
  ],
  [
    "default range",
    { id, properties: { a: { type: "double", writable: true, max: 1, default: 2 } } },
    "above the maximum",
  ],
  [
    "default read-only",
    { id, properties: { a: { type: "double", default: 1 } } },
    "is not writable",
  ],
  ["depth", { id, commands: { a: { request: nested(6) } } }, "nested deeper than 5"],
  ["count", { id, telemetry: many(301) }, "contents has 301 entries"],
];

function nested(depth: number): unknown {
  return depth === 1 ? { type: "double" } : { type: "object", fields: { a: nested(depth - 1) } };
}

function many(count: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, { type: "double" }]));
}

test.each(wrong)("refused: %s", (_, spec, message) => {
  expect(() => defineModel(spec as ModelSpec)).toThrow(message);
  expect(() => defineModel(spec as ModelSpec)).toThrow(
    expect.objectContaining({ code: "argument" }),
  );
});

test("limits are inclusive", () => {
  expect(() =>
    defineModel({
      id: `dtmi:${"a".repeat(121)};1`,
      telemetry: many(300) as never,
    }),
  ).not.toThrow();
  defineModel({ id, telemetry: { ["a".repeat(64)]: { type: "double" } } });
  defineModel({ id, commands: { a: { request: nested(5) as never } } });
});
