// Merged images from the demo firmware's files, good and bad, and what a job says of them.
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { preflight } from "../../host-tools/flash/esp/preflight.ts";
import type { FlashRegion } from "../../host-tools/flash/esp/regions.ts";
import type { EspTarget } from "../../host-tools/flash/esp/target.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";

export const c3 = targetById("esp32c3")!;
export const s3 = targetById("esp32s3")!;
export const esp32 = targetById("esp32")!;
export const flashBytes = 4 << 20;

export function filesOf(target: EspTarget, appBytes = 48 * 1024): FlashRegion[] {
  return demoFirmware(target, { appBytes });
}

/** One file of several, as merging tools write it: 0xFF between them, from `from` to the last byte or `size`. */
export function merge(files: readonly FlashRegion[], from = 0, size = 0): FlashRegion {
  const end = Math.max(...files.map(({ offset, bytes }) => offset + bytes.length));
  const bytes = new Uint8Array(Math.max(end - from, size)).fill(0xff);
  for (const file of files) bytes.set(file.bytes, file.offset - from);
  return { name: "merged.bin", offset: from, bytes };
}

export function refusalOf(region: FlashRegion, target = c3, size = flashBytes) {
  try {
    preflight([region], { target, flashBytes: size });
    return undefined;
  } catch (error) {
    // A refusal without a way out is none.
    if (!isDeviceError(error) || !error.hint) throw error;
    return { code: error.code, message: error.message };
  }
}

export const [bootloader, table, app] = filesOf(c3) as [FlashRegion, FlashRegion, FlashRegion];
export const foreignApp = filesOf(s3)[2]!;
export const largeApp = filesOf(c3, (1 << 20) + 4096)[2]!;
export const raw = (offset: number, size: number, byte = 0x40): FlashRegion => ({
  name: "raw.bin",
  offset,
  bytes: new Uint8Array(size).fill(byte),
});
export const damaged = (file: FlashRegion, at: number): FlashRegion => {
  const bytes = new Uint8Array(file.bytes);
  bytes[at]! ^= 1;
  return { ...file, bytes };
};
/** In the second slot. */
export const second = (file: FlashRegion) => ({ ...file, offset: 0x110000 });
