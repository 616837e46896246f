// What a twin may hold (IoT Hub docs "Understand device twins": format and size); refusals name the path.
import { TWIN_DEPTH_MAX } from "../../../firmware/connection/limits.ts";
import {
  TWIN_INTEGER_MAX,
  TWIN_INTEGER_MIN,
  TWIN_KEY_BYTES_MAX,
  TWIN_VALUE_BYTES_MAX,
} from "../../../firmware/connection/service-limits.ts";
import { HubError } from "./hub-error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is forbidden
const FORBIDDEN_IN_KEY = /[.$ \u0000-\u001f\u007f-\u009f]/;

/** Checks the form of a patch. @throws HubError 400004 with the path of the offender. */
export function checkTwinPatch(patch: unknown, section: string): asserts patch is JsonObject {
  if (!isObject(patch)) throw refuse(section, "is not a JSON object");
  checkObject(patch, section, 1);
}

/** Checks the size of a whole section, after the merge. @throws HubError 400004. */
export function checkTwinSize(section: JsonObject, name: string, bytesMax: number): void {
  const byteCount = twinBytes(section);
  if (byteCount > bytesMax) {
    throw refuse(name, `would take ${byteCount} bytes, the limit is ${bytesMax}`);
  }
}

/** The documented size rule: UTF-8 keys and strings, 8 a number, 4 a boolean; `$…` is free. */
export function twinBytes(value: Json): number {
  switch (typeof value) {
    case "string":
      return Buffer.byteLength(value);
    case "number":
      return 8;
    case "boolean":
      return 4;
    default:
      break;
  }
  if (value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + twinBytes(item), 0);
  return Object.keys(value).reduce(
    (sum, key) =>
      key.startsWith("$") ? sum : sum + Buffer.byteLength(key) + twinBytes(value[key]!),
    0,
  );
}

function checkObject(object: JsonObject, path: string, depth: number): void {
  if (depth > TWIN_DEPTH_MAX) throw refuse(path, `is nested deeper than ${TWIN_DEPTH_MAX} levels`);
  for (const key of Object.keys(object)) {
    checkKey(key, path);
    checkValue(object[key]!, `${path}.${key}`, depth);
  }
}

function checkKey(key: string, path: string): void {
  if (Buffer.byteLength(key) > TWIN_KEY_BYTES_MAX) {
    throw refuse(path, `has a key longer than ${TWIN_KEY_BYTES_MAX} bytes`);
  }
  if (key === "") throw refuse(path, "has an empty key");
  if (FORBIDDEN_IN_KEY.test(key)) {
    throw refuse(
      path,
      `has the key ${JSON.stringify(key)}: no dot, dollar, space or control character`,
    );
  }
}

function checkValue(value: Json, path: string, depth: number): void {
  if (Array.isArray(value)) {
    if (depth >= TWIN_DEPTH_MAX)
      throw refuse(path, `is nested deeper than ${TWIN_DEPTH_MAX} levels`);
    value.forEach((item, index) => {
      checkValue(item, `${path}[${index}]`, depth + 1);
    });
    checkLeafBytes(twinBytes(value), path);
  } else if (isObject(value)) {
    checkObject(value, path, depth + 1);
  } else if (typeof value === "string") {
    checkLeafBytes(Buffer.byteLength(value), path);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refuse(path, "is not a finite number");
    if (Number.isInteger(value) && (value < TWIN_INTEGER_MIN || value > TWIN_INTEGER_MAX)) {
      throw refuse(path, `is outside ${TWIN_INTEGER_MIN} … ${TWIN_INTEGER_MAX}`);
    }
  }
}

function checkLeafBytes(byteCount: number, path: string): void {
  if (byteCount > TWIN_VALUE_BYTES_MAX) {
    throw refuse(path, `takes ${byteCount} bytes, a value takes at most ${TWIN_VALUE_BYTES_MAX}`);
  }
}

function refuse(path: string, why: string): HubError {
  return new HubError(400004, `${path.length > 200 ? `${path.slice(0, 200)}…` : path} ${why}`);
}
