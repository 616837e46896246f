/** What the provisioning service answers, and the assignment that is kept for the next start. */
import { GodwitError } from "../codec/error.ts";
import { encodeUtf8 } from "../codec/utf8.ts";
import type { KeyValue } from "../ports/storage.ts";
import { readText, STORAGE_KEYS } from "./credentials.ts";

/** Short names: the record must fit small key-value stores. */
export interface Assignment {
  readonly hub: string;
  readonly device: string;
  /** Whose assignment it is: another registration must not use it. */
  readonly owner: string;
}

export interface DpsAnswer {
  assignment?: Assignment;
  /** Valid while there is no assignment: ask again with it. */
  operationId: string;
}

type Json = Record<string, unknown>;

/**
 * Reads a response body. A status of 300 and above, or a failed or disabled registration, throws.
 * @throws GodwitError `gone` if the service says no; `malformed` if the body is not what the protocol demands.
 */
export function parseAnswer(
  status: number,
  body: string,
  scope: string,
  registrationId: string,
): DpsAnswer {
  const answer = parseObject(body);
  if (!(status < 300)) throw new GodwitError("gone", `refused with ${status}${reasonOf(answer)}`);
  const state = (isObject(answer.registrationState) ? answer.registrationState : {}) as Json;
  if (answer.status === "failed" || answer.status === "disabled")
    throw new GodwitError("gone", `registration ${answer.status}${reasonOf(state)}`);
  if (answer.status !== "assigned") {
    const operationId = answer.operationId;
    // It goes into a topic: bounded and clean.
    if (typeof operationId !== "string" || !/^[A-Za-z0-9._-]{1,128}$/.test(operationId))
      throw new GodwitError("malformed", "answer without a usable operationId");
    return { operationId };
  }
  const { assignedHub, deviceId, connectionProfile } = state;
  if (typeof connectionProfile === "string" && connectionProfile !== "classic")
    throw new GodwitError("gone", `the assigned hub speaks ${connectionProfile.slice(0, 32)}`);
  if (!isName(assignedHub) || !isName(deviceId))
    throw new GodwitError("malformed", "answer without assignedHub and deviceId");
  const owner = ownerOf(scope, registrationId);
  return { assignment: { hub: assignedHub, device: deviceId, owner }, operationId: "" };
}

/** The kept assignment of this registration, or undefined if there is none or it cannot be read. */
export function readAssignment(
  storage: KeyValue,
  scope: string,
  registrationId: string,
): Assignment | undefined {
  try {
    const kept = parseObject(readText(storage, STORAGE_KEYS.assignment) ?? "{}");
    const { hub, device, owner } = kept;
    if (!isName(hub) || !isName(device) || owner !== ownerOf(scope, registrationId))
      return undefined;
    return { hub, device, owner };
  } catch {
    // A record that a power cut or another program spoilt is worth no more than none: ask the service.
    return undefined;
  }
}

/** @throws whatever the store throws. */
export function writeAssignment(storage: KeyValue, assignment: Assignment): void {
  storage.write(STORAGE_KEYS.assignment, encodeUtf8(JSON.stringify(assignment)));
}

function ownerOf(scope: string, registrationId: string): string {
  return `${scope}/${registrationId}`;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9\-:._%*?!(),=@;$']{1,255}$/.test(value);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GodwitError("malformed", "answer is not JSON", cause);
  }
  if (!isObject(value)) throw new GodwitError("malformed", "answer is not an object");
  return value;
}

function reasonOf(from: Json): string {
  const code = typeof from.errorCode === "number" ? ` ${from.errorCode}` : "";
  const text = from.message ?? from.errorMessage;
  return `${code}${typeof text === "string" ? ` (${text.slice(0, 120)})` : ""}`;
}
