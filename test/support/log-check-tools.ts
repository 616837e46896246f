// What checks of the flash log are made of: records that tell who they are, and ways to write and read them.
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass, LogEntry } from "../../firmware/telemetry/log/types.ts";
import type { OpenLog } from "./log-sweep.ts";

export type Check = (open: OpenLog) => void;

export const BYTES = 40;

export function payload(value: number, length = BYTES): Uint8Array {
  return new Uint8Array(length).fill(value & 127);
}

export function fill(log: FlashLog, logClass: LogClass, from: number, count: number): void {
  for (let i = from; i < from + count; i++) log.append(logClass, i, payload(i));
}

export function readAll(log: FlashLog, logClass?: LogClass): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let entry = log.next(logClass); entry; entry = log.next(logClass)) entries.push(entry);
  return entries;
}

export function sequences(entries: readonly LogEntry[]): number[] {
  return entries.map((entry) => entry.sequence);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
