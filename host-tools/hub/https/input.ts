// Checked access to what a request brought: wrong types end as 400 with the field's name.
import { HubError } from "../core/hub-error.ts";
import { isObject, type Json, type JsonObject } from "../core/json.ts";

/** A refusal of the request itself. */
export function invalid(text: string): HubError {
  return new HubError(400004, text);
}

/** The body as an object. @throws HubError 400004. */
export function bodyObject(body: unknown): JsonObject {
  if (!isObject(body)) throw invalid("the body must be a JSON object");
  return body;
}

function own(object: JsonObject, field: string): Json | undefined {
  const value = Object.hasOwn(object, field) ? object[field] : undefined;
  return value === null ? undefined : value;
}

/** A text field; null and absence are undefined. */
export function optionalText(object: JsonObject, field: string): string | undefined {
  const value = own(object, field);
  if (value !== undefined && typeof value !== "string") throw invalid(`${field} must be a text`);
  return value;
}

export function optionalBoolean(object: JsonObject, field: string): boolean | undefined {
  const value = own(object, field);
  if (value !== undefined && typeof value !== "boolean")
    throw invalid(`${field} must be true or false`);
  return value;
}

export function optionalNumber(object: JsonObject, field: string): number | undefined {
  const value = own(object, field);
  if (value !== undefined && typeof value !== "number") throw invalid(`${field} must be a number`);
  return value;
}

export function optionalObject(object: JsonObject, field: string): JsonObject | undefined {
  const value = own(object, field);
  if (value !== undefined && !isObject(value)) throw invalid(`${field} must be an object`);
  return value;
}

/** A text field out of a few words; undefined when absent. */
export function optionalWord<T extends string>(
  object: JsonObject,
  field: string,
  words: readonly T[],
): T | undefined {
  const value = optionalText(object, field);
  if (value === undefined) return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw invalid(`${field} must be one of ${words.join(", ")}`);
  return word;
}

/** A header that stands at most once. */
export function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
