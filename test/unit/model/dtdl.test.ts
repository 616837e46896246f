// DTDL v2 out and in: nothing is lost on the way, and what is not supported is refused by name.
import { defineModel } from "godwit/model/define";
import { expect, test } from "vitest";
import { thermostatModel } from "../../../firmware/apps/thermostat/model.ts";
import { weatherModel } from "../../../firmware/apps/weather/model.ts";
import { fromDtdl } from "../../../host-tools/model/from-dtdl.ts";
import { toDtdl } from "../../../host-tools/model/to-dtdl.ts";

const rich = defineModel({
  id: "dtmi:com:example:Rich;3",
  displayName: "Rich",
  description: "Everything at once",
  telemetry: {
    level: { type: "float", unit: "furlong", min: 0 },
    state: { type: "enum", values: ["on", "off"] },
  },
  properties: {
    place: {
      type: "object",
      writable: true,
      fields: { room: { type: "string", maxLength: 8 }, at: { type: "dateTime" } },
    },
    serial: { type: "string", displayName: "Serial number" },
    count: { type: "long", writable: true, default: 4 },
  },
  commands: {
    plain: {},
    move: {
      request: { type: "array", items: { type: "integer", max: 9 }, maxItems: 64 },
      response: { type: "boolean" },
    },
  },
});

test.each([
  ["thermostat", thermostatModel],
  ["rich", rich],
  ["weather station", weatherModel],
])("%s survives the round trip through JSON", (_, model) => {
  const text = JSON.stringify(toDtdl(model));
  expect(fromDtdl(JSON.parse(text))).toEqual(model);
});

test("units come with their semantic type, as DTDL v2 demands", () => {
  const { contents } = toDtdl(thermostatModel) as { contents: Record<string, unknown>[] };
  expect(contents[0]).toEqual({
    "@type": ["Telemetry", "Temperature"],
    name: "temperature",
    schema: "double",
    unit: "degreeCelsius",
    comment: 'godwit: {"min":-40,"max":85,"resolution":0.01}',
  });
  expect(contents.find(({ name }) => name === "reboot")).toMatchObject({
    "@type": "Command",
    request: { name: "request", schema: "integer" },
  });
});

const shell = { "@context": "dtmi:dtdl:context;2", "@id": "dtmi:a;1", "@type": "Interface" };
const property = (schema: unknown, more = {}) => ({
  ...shell,
  contents: [{ "@type": "Property", name: "p", schema, ...more }],
});

test("interfaces by others are read, comments and languages included", () => {
  const model = fromDtdl({
    ...shell,
    displayName: { de: "Pumpe", en: "Pump" },
    contents: [
      { "@type": ["Telemetry", "Temperature"], name: "t", schema: "double", unit: "kelvin" },
      { "@type": "Property", name: "p", schema: "string", comment: "set in the factory" },
    ],
  });
  expect(model).toEqual({
    id: "dtmi:a;1",
    displayName: "Pump",
    telemetry: { t: { type: "double", unit: "kelvin" } },
    properties: { p: { type: "string" } },
  });
});

const refused: [string, unknown, string][] = [
  ["no object", [], "interface is not an object"],
  ["another version", { ...shell, "@context": "dtmi:dtdl:context;3" }, "@context is not"],
  ["no interface", { ...shell, "@type": "Telemetry" }, "@type is not Interface"],
  ["inheritance", { ...shell, extends: "dtmi:b;1" }, 'interface uses "extends"'],
  ["bad id", { ...shell, "@id": "x" }, "is not a DTMI"],
  ["contents", { ...shell, contents: {} }, "contents is not a list"],
  ["no name", { ...shell, contents: [{ "@type": "Property" }] }, "contents[0] has no name"],
  [
    "component",
    { ...shell, contents: [{ "@type": "Component", name: "c", schema: "dtmi:b;1" }] },
    "contents.c is a Component",
  ],
  ["duration", property("duration"), 'contents.p has the schema "duration"'],
  ["map", property({ "@type": "Map" }), 'contents.p has the schema type "Map"'],
  [
    "enum of integers",
    property({ "@type": "Enum", valueSchema: "integer", enumValues: [] }),
    "is an Enum of integers",
  ],
  [
    "array property",
    property({ "@type": "Array", elementSchema: "double" }),
    "properties.p holds an array",
  ],
  ["damaged comment", property("double", { comment: "godwit: {" }), "damaged godwit comment"],
  [
    "twice",
    {
      ...shell,
      contents: [
        { "@type": "Property", name: "p", schema: "double" },
        { "@type": "Telemetry", name: "p", schema: "double" },
      ],
    },
    "contents.p stands there twice",
  ],
];

test.each(refused)("refused: %s", (_, dtdl, message) => {
  expect(() => fromDtdl(dtdl)).toThrow(message);
});
