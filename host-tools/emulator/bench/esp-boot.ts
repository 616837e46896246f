// What a virtual ESP board does after a normal reset: it boots what was written to its flash.
import { parseImage } from "../../flash/esp/image.ts";
import { bootPartition } from "../../flash/esp/otadata.ts";
import { type Partition, parsePartitionTable, tableOffset } from "../../flash/esp/partitions.ts";
import type { HostClock } from "../../serial/clock.ts";
import { isDeviceError } from "../../serial/error.ts";
import type { BootProgram } from "./esp-board.ts";
import type { NorFlash } from "./nor-flash.ts";

/** The watchdog restarts a chip that finds nothing to boot. */
const retryMs = 1000;

/** What a simulated firmware may use. */
export interface FirmwareHost {
  readonly clock: HostClock;
  readonly flash: NorFlash;
  readonly version: string;
  /** Where the image lies. */
  readonly partition: Partition;
  print(text: string): void;
}

/** A simulated firmware; returns what stops it. */
export type Firmware = (host: FirmwareHost) => () => void;

/** Prints a line every second: the smallest thing that shows an application runs. */
export const heartbeat: Firmware = ({ clock, print, version }) => {
  const bootedMs = clock.nowMs();
  let beats = 0;
  let cancel = () => {};
  const beat = () => {
    print(
      `I (${Math.round(clock.nowMs() - bootedMs) + 100}) app: heartbeat ${beats++} of ${version}\r\n`,
    );
    cancel = clock.after(1000, beat);
  };
  beat();
  return () => cancel();
};

/**
 * Boots by the rules of the ESP-IDF bootloader: partition table, otadata, image check, then the firmware
 * whose name is in the image's descriptor.
 */
export function espBoot(firmwares: ReadonlyMap<string, Firmware>): BootProgram {
  return (board) => {
    let stop = () => {};
    const boot = () => {
      try {
        stop = start(board, firmwares);
      } catch (error) {
        if (!isDeviceError(error)) throw error;
        board.print(
          `E (30) boot: ${error.message}\r\nE (31) boot: nothing to boot, restarting\r\n`,
        );
        const cancel = board.clock.after(retryMs, boot);
        stop = cancel;
      }
    };
    boot();
    return () => stop();
  };
}

function start(
  board: Parameters<BootProgram>[0],
  firmwares: ReadonlyMap<string, Firmware>,
): () => void {
  const { flash, target } = board;
  checkBootloader(flash, target.bootloaderOffset);
  const table = parsePartitionTable(flash.bytes.subarray(tableOffset, tableOffset + 0xc00));
  const contentOf = ({ offset, size }: Partition) => flash.bytes.subarray(offset, offset + size);
  const partition = bootPartition(table, contentOf);
  if (!partition) {
    board.print("E (40) boot: no app partition\r\n");
    return () => {};
  }
  const { offset, name } = partition;
  const image = parseImage(contentOf(partition), name);
  board.print(`I (50) boot: Loaded app from partition at offset 0x${offset.toString(16)}\r\n`);
  const { project = "", version = "" } = image.descriptor ?? {};
  board.print(`I (60) app_init: Project name:     ${project}\r\n`);
  board.print(`I (61) app_init: App version:      ${version}\r\n`);
  const firmware = firmwares.get(project);
  if (!firmware) return () => {};
  const { clock, print } = board;
  return firmware({ clock, flash, version, partition, print });
}

/** The ROM starts the second-stage bootloader only when its image is intact. */
function checkBootloader(flash: NorFlash, offset: number): void {
  parseImage(flash.bytes.subarray(offset, tableOffset), "bootloader");
}
