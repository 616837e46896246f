// MQTT 3.1.1 §2, §3: the packets that a client sends. Bodies of PUBLISH are not copied in here.
import { GodwitError } from "../codec/error.ts";
import { writeUtf8 } from "../codec/utf8.ts";
import { FILTERS_MAX } from "./limits.ts";

const TEXT_BYTES_MAX = 65_535;
const REMAINING_MAX = 268_435_455;

/** What CONNECT carries (§3.1). Nothing of it is kept after the packet has been made. */
export interface MqttConnect {
  clientId: string;
  /** True: the server forgets subscriptions and undelivered messages (§3.1.2.4). */
  cleanSession: boolean;
  /** Seconds, 0 to 65535; 0 switches keep-alive off. */
  keepAliveS: number;
  username?: string;
  /** Needs a username (§3.1.2.9). */
  password?: string | Uint8Array;
  will?: MqttWill;
}

export interface MqttWill {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain?: boolean;
}

/** One topic filter of a SUBSCRIBE with the QoS asked for. */
export interface MqttFilter {
  filter: string;
  qos: 0 | 1;
}

/**
 * Bytes of a text field without its length prefix.
 * @throws GodwitError `argument` if it is too long or holds NUL, `malformed` for lone surrogates.
 */
function textBytes(text: string): number {
  const bytes = writeUtf8(text);
  if (bytes > TEXT_BYTES_MAX || text.indexOf("\0") >= 0)
    throw new GodwitError("argument", "text too long or with NUL");
  return bytes;
}

/** A packet with `rest` bytes behind the fixed header, of which `held` are reserved in the array. */
function start(first: number, rest: number, held: number): { bytes: Uint8Array; at: number } {
  if (!(rest >= 0 && rest <= REMAINING_MAX)) throw new GodwitError("argument", "packet too large");
  const digits = rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4;
  const bytes = new Uint8Array(1 + digits + held);
  bytes[0] = first;
  let left = rest;
  for (let i = 1; i <= digits; i++, left >>= 7) bytes[i] = (left & 127) | (i < digits ? 128 : 0);
  return { bytes, at: 1 + digits };
}

function putText(bytes: Uint8Array, at: number, field: string | Uint8Array): number {
  const end = typeof field === "string" ? writeUtf8(field, bytes, at + 2) : at + 2 + field.length;
  if (typeof field !== "string") bytes.set(field, at + 2);
  bytes[at] = (end - at - 2) >> 8;
  bytes[at + 1] = end - at - 2;
  return end;
}

function binaryBytes(field: string | Uint8Array): number {
  if (typeof field === "string") return textBytes(field);
  if (field.length > TEXT_BYTES_MAX) throw new GodwitError("argument", "field too long");
  return field.length;
}

/** @throws GodwitError `argument` for combinations that §3.1 forbids. */
export function connectPacket(connect: MqttConnect): Uint8Array {
  const { clientId, cleanSession, keepAliveS, username, password, will } = connect;
  if (clientId === "" && !cleanSession) throw new GodwitError("argument", "empty client id");
  if (password !== undefined && username === undefined)
    throw new GodwitError("argument", "password without username");
  if (!(keepAliveS >= 0 && keepAliveS <= 65_535))
    throw new GodwitError("argument", "keep-alive outside 0..65535 s");
  const fields: (string | Uint8Array)[] = [clientId];
  let flags = cleanSession ? 0x02 : 0;
  if (will) {
    checkTopic(will.topic);
    flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
    fields.push(will.topic, will.payload);
  }
  if (username !== undefined) {
    flags |= 0x80;
    fields.push(username);
  }
  if (password !== undefined) {
    flags |= 0x40;
    fields.push(password);
  }
  let rest = 10;
  for (const field of fields) rest += 2 + binaryBytes(field);
  const { bytes, at } = start(0x10, rest, rest);
  let end = putText(bytes, at, "MQTT");
  bytes[end++] = 4;
  bytes[end++] = flags;
  bytes[end++] = keepAliveS >> 8;
  bytes[end++] = keepAliveS;
  for (const field of fields) end = putText(bytes, end, field);
  return bytes;
}

/** @throws GodwitError `argument` if `topic` is empty, too long, or has a wildcard or NUL (§3.3.2.1). */
export function checkTopic(topic: string): void {
  if (topic === "" || topic.indexOf("#") >= 0 || topic.indexOf("+") >= 0)
    throw new GodwitError("argument", `cannot publish to "${topic}"`);
  textBytes(topic);
}

/**
 * Everything of a PUBLISH (§3.3) but its payload of `payloadBytes`, which follows on the wire.
 * `packetId` 0 means QoS 0.
 * @throws GodwitError `argument` for topics that cannot be published to, or a packet too large.
 */
export function publishHead(
  topic: string,
  packetId: number,
  payloadBytes: number,
  retain: boolean,
): Uint8Array {
  checkTopic(topic);
  const held = 2 + writeUtf8(topic) + (packetId ? 2 : 0);
  const first = 0x30 | (packetId ? 2 : 0) | (retain ? 1 : 0);
  const { bytes, at } = start(first, held + payloadBytes, held);
  const end = putText(bytes, at, topic);
  if (packetId) {
    bytes[end] = packetId >> 8;
    bytes[end + 1] = packetId;
  }
  return bytes;
}

/** SUBSCRIBE (§3.8) of filters with their QoS, or UNSUBSCRIBE (§3.10) of bare filters. */
export function filtersPacket(
  packetId: number,
  filters: readonly (MqttFilter | string)[],
): Uint8Array {
  if (filters.length === 0 || filters.length > FILTERS_MAX)
    throw new GodwitError("argument", "no filter, or too many");
  let isSubscribe = false;
  let rest = 2;
  for (const entry of filters) {
    isSubscribe = typeof entry !== "string";
    const filter = typeof entry === "string" ? entry : entry.filter;
    if (filter === "") throw new GodwitError("argument", "empty filter");
    rest += 2 + textBytes(filter) + (isSubscribe ? 1 : 0);
  }
  const { bytes, at } = start(isSubscribe ? 0x82 : 0xa2, rest, rest);
  bytes[at] = packetId >> 8;
  bytes[at + 1] = packetId;
  let end = at + 2;
  for (const entry of filters) {
    end = putText(bytes, end, typeof entry === "string" ? entry : entry.filter);
    if (typeof entry !== "string") bytes[end++] = entry.qos;
  }
  return bytes;
}
