/** Property bags: the URL-encoded tail of telemetry and cloud-to-device topics (RFC 3986 percent encoding, no `+`). */
import { GodwitError } from "../codec/error.ts";
import { decodePercent, encodePercent } from "../codec/percent.ts";

/** System properties a device may set; application properties have any other name. */
export const CONTENT_TYPE = "$.ct";
export const CONTENT_ENCODING = "$.ce";
export const MESSAGE_ID = "$.mid";
export const CORRELATION_ID = "$.cid";
export const CREATION_TIME = "$.ctime";
export const COMPONENT = "$.sub";

/** Properties one bag may hold when decoded: a bound against hostile topics, far above real use. */
export const BAG_PROPERTIES_MAX = 128;

/** `null` is a key without a value (`a`), an empty text a key with an empty one (`a=`). */
export type Bag = ReadonlyMap<string, string | null>;

/**
 * Encodes properties in their order. The `$` of system properties stays as it is: shorter, and the hub takes both.
 * @throws GodwitError `argument` for an empty name.
 */
export function encodeBag(properties: Iterable<readonly [string, string | null]>): string {
  let text = "";
  for (const [name, value] of properties) {
    if (name === "") throw new GodwitError("argument", "property without a name");
    if (text) text += "&";
    text += name.startsWith("$.") ? `$.${encodePercent(name.slice(2))}` : encodePercent(name);
    if (value !== null) text += `=${encodePercent(value)}`;
  }
  return text;
}

/**
 * Decodes strictly; names are decoded before anybody matches them, so `%24.ct` and `$.ct` are one.
 * @throws GodwitError `malformed` with the offset: empty or repeated name, bad escape, bad UTF-8, stray character;
 *   `limit` past BAG_PROPERTIES_MAX.
 */
export function decodeBag(text: string): Map<string, string | null> {
  const bag = new Map<string, string | null>();
  if (text === "") return bag;
  let offset = 0;
  for (const part of text.split("&")) {
    const equals = part.indexOf("=");
    const name = decodePart(equals < 0 ? part : part.slice(0, equals), offset);
    if (name === "") throw bad("a property without a name", offset);
    if (bag.has(name)) throw bad(`a second property '${name}'`, offset);
    if (bag.size === BAG_PROPERTIES_MAX)
      throw new GodwitError("limit", `property bag: more than ${BAG_PROPERTIES_MAX} properties`);
    bag.set(name, equals < 0 ? null : decodePart(part.slice(equals + 1), offset + equals + 1));
    offset += part.length + 1;
  }
  return bag;
}

function decodePart(text: string, offset: number): string {
  const stray = text.search(/[^!-~]|[=#/?]/);
  if (stray >= 0) throw bad("a character that must be percent-encoded", offset + stray);
  try {
    return decodePercent(text);
  } catch (cause) {
    throw bad("a bad percent escape", offset, cause);
  }
}

function bad(what: string, offset: number, cause?: unknown): GodwitError {
  return new GodwitError("malformed", `property bag: ${what} at offset ${offset}`, cause);
}

/** The bag as it is sent, with the time at which the message came to be. */
export function stampBag(bag: string, createdMs: number): string {
  const time = new Date(createdMs).toISOString().split(":").join("%3A");
  return `${bag}${bag ? "&" : ""}${CREATION_TIME}=${time}`;
}
