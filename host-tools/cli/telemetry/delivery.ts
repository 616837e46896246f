// What the telemetry verbs say about gaps, repetitions and messages they could not read.
import type { DeliveryReport } from "../../telemetry/delivery.ts";
import type { Output } from "../output.ts";
import { printable } from "../output.ts";

const GAPS_SHOWN = 5;

function sentence(line: DeliveryReport): string {
  const { deviceId, boot, messages, duplicates, reordered, missing, gaps, declared } = line;
  const shown = gaps.slice(0, GAPS_SHOWN).map(({ first, last }) => `${first}-${last}`);
  if (gaps.length > GAPS_SHOWN) shown.push("…");
  return (
    `${printable(deviceId)} boot ${boot} class ${line.class}: ${messages} messages, ` +
    `${duplicates} repeated, ${reordered} late, ${missing} missing` +
    `${shown.length > 0 ? ` (${shown.join(", ")})` : ""}, ${declared} declared lost`
  );
}

/** One line per device, boot and class: an event with --json, else a note on stderr. */
export function showDelivery(reports: readonly DeliveryReport[], output: Output): void {
  for (const report of reports) {
    if (output.json) output.result("delivery", { ...report }, "");
    else output.note(sentence(report));
  }
}
