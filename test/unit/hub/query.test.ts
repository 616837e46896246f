// IoT Hub's query language: what is found, what is refused with a position, and that nothing else escapes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluate, runQuery } from "../../../host-tools/hub/query/evaluate.ts";
import { parseQuery } from "../../../host-tools/hub/query/parse.ts";
import { QueryError } from "../../../host-tools/hub/query/tokens.ts";

const rows = [
  {
    deviceId: "a",
    status: "enabled",
    tags: { floor: 1, site: { city: "Bergen" }, "two words": true },
    properties: { reported: { fan: null, list: [1] } },
  },
  { deviceId: "b", status: "disabled", tags: { floor: 2, site: { city: "Basel" } } },
  { deviceId: "c", status: "enabled", tags: { floor: "2" } },
  { deviceId: "it's", status: "enabled" },
];

function ids(where: string): unknown[] {
  return runQuery(parseQuery(`SELECT * FROM devices WHERE ${where}`), rows).map(
    (row) => row.deviceId,
  );
}

test.each([
  ["status = 'enabled'", ["a", "c", "it's"]],
  ["tags.floor = 2", ["b"]],
  ["tags.floor >= 1 and status = 'enabled'", ["a"]],
  ["tags.floor < 2 OR tags.site.city = 'Basel'", ["a", "b"]],
  ["tags.floor != 1", ["b"]],
  ["tags.floor <> 1", ["b"]],
  ["NOT tags.floor = 1", ["b"]],
  ["not (tags.floor = 1 or tags.floor = 2)", []],
  ["deviceId IN ['a', 'c', 'x']", ["a", "c"]],
  ["deviceId NIN ['a', 'c']", ["b", "it's"]],
  ["deviceId = 'it''s'", ["it's"]],
  ['deviceId = "it\'s"', ["it's"]],
  ["tags['two words'] = true", ["a"]],
  ["is_defined(tags.site)", ["a", "b"]],
  ["NOT is_defined(tags)", ["it's"]],
  ["is_string(tags.floor)", ["c"]],
  ["is_null(properties.reported.fan)", ["a"]],
  ["properties.reported.fan = null", ["a"]],
  ["is_array(properties.reported.list) and is_object(tags.site)", ["a"]],
  ["startswith(tags.site.city, 'B') and contains(tags.site.city, 'erg')", ["a"]],
  ["endswith(tags.site.city, 'sel')", ["b"]],
  ["tags.constructor = 'x' or is_defined(tags.__proto__)", []],
  ["deviceId > 'a' and deviceId <= 'c'", ["b", "c"]],
])("%s finds %j", (where, expected) => {
  expect(ids(where)).toEqual(expected);
});

test("AND binds tighter than OR", () => {
  expect(ids("deviceId = 'a' or deviceId = 'b' and status = 'enabled'")).toEqual(["a"]);
  expect(ids("(deviceId = 'a' or deviceId = 'b') and status = 'disabled'")).toEqual(["b"]);
});

test("columns, names, counting and the first rows", () => {
  const run = (text: string) => runQuery(parseQuery(text), rows);
  expect(run("SELECT TOP 2 deviceId FROM devices")).toEqual([{ deviceId: "a" }, { deviceId: "b" }]);
  expect(run("select tags.site.city, deviceId as id from devices where deviceId = 'b'")).toEqual([
    { city: "Basel", id: "b" },
  ]);
  expect(run("SELECT COUNT() AS n FROM devices WHERE status = 'enabled'")).toEqual([{ n: 3 }]);
  expect(parseQuery("SELECT * FROM devices.modules").source).toBe("devices.modules");
});

test.each([
  ["", "expected SELECT, found the end (at character 1)"],
  ["SELECT * FROM rooms", "expected DEVICES, found 'rooms' (at character 15)"],
  ["SELECT * FROM devices WHERE", "expected a name, found the end (at character 28)"],
  ["SELECT * FROM devices WHERE a ==1", "expected a value, found '=' (at character 32)"],
  ["SELECT * FROM devices WHERE a = 'x", "the text is not closed (at character 33)"],
  ["SELECT * FROM devices WHERE f(a)", "unknown function f (at character 29)"],
  ["SELECT * FROM devices GROUP BY a", "GROUP is not supported by the local hub (at character 23)"],
  ["SELECT AVG(x) FROM devices", "AVG is not supported by the local hub (at character 8)"],
  ["SELECT TOP 0 * FROM devices", "expected a number from 1 to 1000000, found '0'"],
  ["SELECT * FROM devices; DROP", "unexpected ';' (at character 22)"],
  [`SELECT * FROM devices WHERE ${"(".repeat(60)}`, "conditions nest deeper than 50"],
  [`SELECT * FROM devices WHERE ${"NOT ".repeat(60)} a = 1`, "conditions nest deeper than 50"],
  ["x".repeat(5000), "the query is longer than 4096 characters"],
])("%.60s is refused with its place", (text, message) => {
  expect(() => parseQuery(text)).toThrow(QueryError);
  expect(() => parseQuery(text)).toThrow(message);
});

test("whatever text comes, the answer is a query or a QueryError", () => {
  const words =
    "SELECT * FROM devices WHERE AND OR NOT ( ) [ ] , . = != <> < IN NIN 'a' \"b\" 1 -2.5e3 true null tags is_defined startswith COUNT AS TOP GROUP __proto__ ' \\".split(
      " ",
    );
  const conditions = ["a = 1", "NOT is_null(a)", "b IN ['x', 2]", "(a < 2 OR b != null)"];
  const texts = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(fc.constantFrom(...words), { maxLength: 24 }).map((list) => list.join(" ")),
    fc
      .tuple(
        fc.array(fc.constantFrom(...conditions), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(" AND ", " or ", " , "),
        fc.nat(200),
      )
      .map(([list, glue, cut]) => `SELECT * FROM devices WHERE ${list.join(glue)}`.slice(0, cut)),
  );
  let understood = 0;
  fc.assert(
    fc.property(texts, (text) => {
      try {
        runQuery(parseQuery(text), rows);
        understood += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(QueryError);
      }
    }),
    { numRuns: 5000, seed: 20261120 },
  );
  expect(understood).toBeGreaterThan(100);
});

test("conditions follow three-valued logic", () => {
  const operand = fc.constantFrom("deviceId = 'a'", "deviceId = 'b'", "deviceId = 7");
  const truth = (text: string) => {
    const { where } = parseQuery(`SELECT * FROM devices WHERE ${text}`);
    return evaluate(where!, { deviceId: "a" });
  };
  fc.assert(
    fc.property(operand, operand, (left, right) => {
      const [a, b] = [truth(left), truth(right)];
      const and =
        a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
      expect(truth(`${left} AND ${right}`)).toBe(and);
      // De Morgan.
      expect(truth(`NOT (${left} AND ${right})`)).toBe(truth(`NOT ${left} OR NOT ${right}`));
    }),
    { seed: 20261120 },
  );
});
