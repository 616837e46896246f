/** Checks a device model when it is defined (DTDL v2 §interface, names and limits) and gives it its types. */
import { GodwitError } from "../codec/error.ts";
import type {
  CommandSpec,
  Model,
  ModelSpec,
  PropertySpec,
  Schema,
  TelemetrySpec,
} from "./types.ts";
import { stringLengthMax, validate } from "./validate.ts";

const nameLengthMax = 64;
const dtmiLengthMax = 128;
const contentsMax = 300;
const schemaDepthMax = 5;
const enumValuesMax = 100;

const describedKeys = "displayName description ";
const keysByType: Readonly<Record<string, string>> = {
  boolean: "type ",
  integer: "type unit min max resolution ",
  long: "type unit min max resolution ",
  float: "type unit min max resolution ",
  double: "type unit min max resolution ",
  string: "type maxLength ",
  dateTime: "type ",
  enum: "type values ",
  object: "type fields partial ",
  array: "type items maxItems ",
};

function fail(where: string, problem: string): never {
  throw new GodwitError("argument", `model: ${where} ${problem}`);
}

/** DTDL v2 name: letters, digits, underscores; a letter first, no underscore last. */
function isName(text: string, extra = 0): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) | 32;
    const isLetter = code >= 97 && code <= 122;
    const isDigit = text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57;
    if (!isLetter && (i === 0 || !(isDigit || text[i] === "_"))) return false;
  }
  return text.length > 0 && text.length <= nameLengthMax + extra && !text.endsWith("_");
}

function checkName(where: string, name: string): void {
  if (isName(name)) return;
  fail(
    `${where}.${name}`,
    `is not a DTDL name (1 to ${nameLengthMax} letters, digits or underscores, a letter first, no underscore last)`,
  );
}

function checkDtmi(id: unknown): void {
  const [path = "", version = "", ...rest] = typeof id === "string" ? id.split(";") : [];
  const [scheme, ...segments] = path.split(":");
  const isVersion = version.length <= 9 && String(Number(version)) === version && +version >= 1;
  const isPath = segments.length > 0 && segments.every((segment) => isName(segment, dtmiLengthMax));
  if (scheme === "dtmi" && isPath && isVersion && Number.isInteger(+version) && rest.length === 0) {
    if ((id as string).length <= dtmiLengthMax) return;
  }
  fail("id", `"${id}" is not a DTMI such as "dtmi:com:example:Thermostat;1"`);
}

function checkKeys(where: string, spec: object, allowed: string): void {
  for (const key of Object.keys(spec)) {
    if (!` ${allowed}`.includes(` ${key} `)) {
      fail(where, `has the unknown key "${key}" (known: ${allowed.trim().split(" ").join(", ")})`);
    }
  }
}

function checkNumberSchema(where: string, schema: Schema): void {
  const numbers = schema as { type: string; min?: number; max?: number; resolution?: number };
  for (const key of ["min", "max", "resolution"] as const) {
    const bound = numbers[key];
    if (bound === undefined) continue;
    const problem = validate({ type: numbers.type } as Schema, bound);
    if (problem) fail(`${where}.${key}`, problem);
  }
  const { min = -Infinity, max = Infinity, resolution } = numbers;
  if (min > max) fail(where, `has an impossible range: min ${min} is above max ${max}`);
  if (resolution !== undefined && !(resolution > 0 && resolution <= max - min)) {
    fail(`${where}.resolution`, `${resolution} must be above 0 and within the range`);
  }
}

function checkNames(where: string, names: readonly string[], countMax: number): void {
  if (!Array.isArray(names) || names.length === 0) fail(where, "must list at least one name");
  if (names.length > countMax) fail(where, `has ${names.length} entries, at most ${countMax}`);
  names.forEach((name, i) => {
    checkName(where, String(name));
    if (names.indexOf(name) !== i) fail(where, `names "${name}" twice`);
  });
}

function checkCount(where: string, count: unknown, max: number): void {
  if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > max) {
    fail(where, `must be an integer from 1 to ${max}, not ${count}`);
  }
}

function checkSchema(where: string, schema: Schema, depth: number, extraKeys = ""): void {
  if (typeof schema !== "object" || schema === null) fail(where, "is not a schema");
  const known = Object.hasOwn(keysByType, schema.type) ? keysByType[schema.type] : undefined;
  if (!known) {
    fail(`${where}.type`, `"${schema.type}" is none of ${Object.keys(keysByType).join(", ")}`);
  }
  checkKeys(where, schema, known + extraKeys);
  if (depth > schemaDepthMax) fail(where, `is nested deeper than ${schemaDepthMax} levels`);
  switch (schema.type) {
    case "string":
      if (schema.maxLength !== undefined) {
        checkCount(`${where}.maxLength`, schema.maxLength, stringLengthMax);
      }
      return;
    case "enum":
      checkNames(`${where}.values`, schema.values, enumValuesMax);
      return;
    case "object":
      checkNames(`${where}.fields`, Object.keys(schema.fields ?? {}), contentsMax);
      for (const name of Object.keys(schema.fields)) {
        checkSchema(`${where}.fields.${name}`, schema.fields[name] as Schema, depth + 1);
      }
      return;
    case "array":
      checkCount(`${where}.maxItems`, schema.maxItems, stringLengthMax);
      checkSchema(`${where}.items`, schema.items, depth + 1);
      return;
    case "boolean":
    case "dateTime":
      return;
    default:
      checkNumberSchema(where, schema);
  }
}

function holdsArray(schema: Schema): boolean {
  if (schema.type === "object") return Object.values(schema.fields).some(holdsArray);
  return schema.type === "array";
}

function checkProperty(where: string, spec: PropertySpec): void {
  checkSchema(where, spec, 1, `${describedKeys}writable default `);
  if (holdsArray(spec)) fail(where, "holds an array: DTDL 2 has none in properties, use an object");
  if (spec.default === undefined) return;
  if (!spec.writable) fail(where, "has a default but is not writable: report its value instead");
  const problem = validate(spec, spec.default);
  if (problem) fail(`${where}.default`, problem);
}

function checkTelemetry(where: string, spec: TelemetrySpec): void {
  checkSchema(where, spec, 1, `${describedKeys}priority epsilon deadband `);
  const { priority = "normal" } = spec;
  if (priority !== "critical" && priority !== "normal" && priority !== "bulk") {
    fail(`${where}.priority`, `"${priority}" is none of critical, normal, bulk`);
  }
  const isNumber = "integer long float double".includes(spec.type);
  for (const key of ["epsilon", "deadband"] as const) {
    const value = spec[key];
    if (value === undefined) continue;
    if (!isNumber) fail(`${where}.${key}`, `is for numbers, not for ${spec.type}: leave it out`);
    if (!(value > 0 && value < Infinity)) {
      fail(`${where}.${key}`, `${value} must be above 0: leave it out for every change, exactly`);
    }
  }
}

function checkCommand(where: string, spec: CommandSpec): void {
  checkKeys(where, spec, `${describedKeys}request response `);
  if (spec.request) checkSchema(`${where}.request`, spec.request, 1);
  if (spec.response) checkSchema(`${where}.response`, spec.response, 1);
}

/**
 * Checks a device model and gives it its types. On a board this runs at build time, when modules are preloaded.
 * @throws GodwitError `argument`, naming the field, if a name, range or schema is impossible
 */
export function defineModel<const S extends ModelSpec>(spec: S): Model<S> {
  checkKeys("model", spec, `id telemetry properties commands ${describedKeys}`);
  checkDtmi(spec.id);
  const { telemetry = {}, properties = {}, commands = {} } = spec as ModelSpec;
  const names = [telemetry, properties, commands].flatMap(Object.keys);
  if (names.length > 0) checkNames("contents", names, contentsMax);
  for (const name of Object.keys(telemetry)) {
    checkTelemetry(`telemetry.${name}`, telemetry[name] as TelemetrySpec);
  }
  for (const name of Object.keys(properties)) {
    checkProperty(`properties.${name}`, properties[name] as PropertySpec);
  }
  for (const name of Object.keys(commands)) {
    checkCommand(`commands.${name}`, commands[name] as CommandSpec);
  }
  return spec as Model<S>;
}
