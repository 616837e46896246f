// Values from the cloud are checked against the model before the application sees them.
import type { Schema } from "godwit/model/types";
import { validate } from "godwit/model/validate";
import { expect, test } from "vitest";

const target: Schema = { type: "double", min: 5, max: 30 };
const place: Schema = {
  type: "object",
  fields: { room: { type: "string", maxLength: 3 }, floor: { type: "integer" } },
};

const good: [Schema, unknown][] = [
  [{ type: "boolean" }, false],
  [target, 5],
  [target, 30],
  [{ type: "integer" }, -2147483648],
  [{ type: "integer" }, -0],
  [{ type: "long" }, -4503599627370496],
  [{ type: "long" }, 4503599627370495],
  [{ type: "string" }, "x".repeat(4096)],
  [{ type: "dateTime" }, "2026-11-20T18:00:00Z"],
  [{ type: "dateTime" }, "2026-11-20T18:00:00.123Z"],
  [{ type: "dateTime" }, "2026-11-20T18:00:00+01:00"],
  [{ type: "enum", values: ["heat", "cool"] }, "cool"],
  [place, { floor: 1, room: "abc" }],
  [{ type: "array", items: target, maxItems: 2 }, [5, 6]],
];

test.each(good)("fits %j: %j", (schema, value) => {
  expect(validate(schema, value)).toBeUndefined();
});

const bad: [Schema, unknown, string][] = [
  [{ type: "boolean" }, 1, "is not a boolean"],
  [{ type: "boolean" }, null, "is not a boolean"],
  [target, "21", "is not a number"],
  [target, null, "is not a number"],
  [target, undefined, "is not a number"],
  [target, [21], "is not a number"],
  [target, 4.9, "4.9 is below the minimum 5"],
  [target, 30.1, "30.1 is above the maximum 30"],
  [target, Number.NaN, "is not a finite number"],
  [target, Number.POSITIVE_INFINITY, "is not a finite number"],
  [{ type: "double" }, 1e300, "does not fit a device twin"],
  [{ type: "double" }, -1e300, "does not fit a device twin"],
  [{ type: "integer" }, 1.5, "1.5 is not an integer"],
  [{ type: "integer" }, 2147483648, "does not fit 32 bits"],
  [{ type: "long" }, 4503599627370496, "does not fit a device twin"],
  [{ type: "string" }, "x".repeat(4097), "is longer than 4096"],
  [{ type: "string", maxLength: 2 }, "abc", "is longer than 2"],
  [{ type: "string" }, {}, "is not a string"],
  [{ type: "dateTime" }, "2026-11-20", "ISO 8601"],
  [{ type: "dateTime" }, "2026-11-20T18:00:00.000", "ISO 8601"],
  [{ type: "dateTime" }, "2026-99-99T18:00:00Z", "ISO 8601"],
  [{ type: "enum", values: ["heat", "cool"] }, "Heat", "is not one of heat, cool"],
  [{ type: "enum", values: ["heat"] }, "constructor", "is not one of heat"],
  [place, [], "is not an object"],
  [place, null, "is not an object"],
  [place, { room: "abc" }, 'lacks the field "floor"'],
  [place, { room: "abcd", floor: 1 }, ".room is longer than 3"],
  [place, { room: "abc", floor: 1, more: 1 }, 'unknown field "more"'],
  [place, JSON.parse('{"room":"a","floor":1,"__proto__":{}}'), 'unknown field "__proto__"'],
  [place, Object.create({ room: "a", floor: 1 }), 'lacks the field "room"'],
  [{ type: "array", items: target, maxItems: 2 }, [5, 6, 7], "has 3 items, at most 2"],
  [{ type: "array", items: target, maxItems: 2 }, [5, 60], "[1] 60 is above the maximum 30"],
  [{ type: "array", items: target, maxItems: 2 }, { length: 1 }, "is not an array"],
];

test.each(bad)("refused by %j: %j", (schema, value, problem) => {
  expect(validate(schema, value)).toContain(problem);
});
