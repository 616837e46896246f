// What must hold after any run: nothing acknowledged is lost, nothing is invented, order is kept, twins agree.
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../hub/core/json.ts";
import type { DeviceWitness } from "./witness.ts";

/** Compares what a device's wire carried with what the hub stored. */
export function checkWire(witness: DeviceWitness): { duplicates: number; violations: string[] } {
  let lost = 0;
  let duplicates = 0;
  let unmarked = 0;
  for (const message of witness.messages.values()) {
    if (message.stored < message.acknowledged || (message.acknowledged > 0 && message.stored === 0))
      lost++;
    if (message.stored > message.firsts) duplicates += message.stored - message.firsts;
    if (message.isUnique && message.firsts > 1) unmarked += message.firsts - 1;
  }
  const violations: string[] = [];
  if (witness.messages.size > 0 && witness.acknowledged === 0)
    violations.push("no telemetry was acknowledged");
  const say = (count: number, text: string) => {
    if (count > 0) violations.push(`${count} messages ${text}`);
  };
  say(lost, "acknowledged but not stored");
  say(witness.invented, "stored that were not sent so often");
  say(witness.misordered, "stored in another order than sent");
  say(unmarked, "sent again without DUP");
  return { duplicates, violations };
}

/** Every desired value must have been answered by the device, for its last version, with that value or a refusal. */
export function checkTwin(properties: { desired: JsonObject; reported: JsonObject }): string[] {
  const { desired, reported } = properties;
  const violations: string[] = [];
  for (const [name, value] of Object.entries(desired)) {
    if (name.startsWith("$")) continue;
    const entry = (reported[name] ?? {}) as { value?: unknown; ac?: number; av?: number };
    if (entry.ac === undefined) violations.push(`desired ${name} was not answered`);
    else if (entry.ac < 300 && !isDeepStrictEqual(entry.value, value)) {
      const texts = [value, entry.value].map((item) => JSON.stringify(item));
      violations.push(`${name} is desired to be ${texts[0]} and reported as ${texts[1]}`);
    }
  }
  return violations;
}

/** A message or a twin patch under way at midnight is no leak. */
const heapNoiseBytes = 1024;

/** The heap after a collection at the end of each day must not grow. */
export function checkHeap(bytesByDay: readonly number[]): string[] {
  const [first = 0] = bytesByDay;
  const last = bytesByDay.at(-1) ?? first;
  if (last <= first + heapNoiseBytes) return [];
  return [`the heap grew from ${first} to ${last} bytes in ${bytesByDay.length - 1} days`];
}
