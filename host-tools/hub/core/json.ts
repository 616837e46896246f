// JSON values as twins, methods and the service API carry them.
import { HubError } from "./hub-error.ts";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** A byte-order mark is no JSON (RFC 8259 §8.1). */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads what a device sent; `what` it is stands in the refusal. @throws HubError 400004 */
export function parseJson(bytes: Uint8Array, what = "the body"): Json {
  try {
    return JSON.parse(utf8.decode(bytes)) as Json;
  } catch (cause) {
    const isText = cause instanceof SyntaxError;
    const why = isText ? `is not JSON: ${cause.message}` : "is not JSON: it is no UTF-8";
    throw new HubError(400004, `${what} ${why}`, { cause });
  }
}

/** Nothing but white space of JSON's: some devices send a space where they have nothing to say. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
