// A complete set of files for a virtual board: bootloader, partition table, and an application that it runs.
import { buildDescriptor, buildImage } from "../../flash/esp/image.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
  tableOffset,
} from "../../flash/esp/partitions.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import { encodeUf2, type RpChip } from "../../flash/rp2040/uf2.ts";
import { seededRandom } from "./faults.ts";

export interface FirmwareFile {
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const entry = 0x40380000;
const dataAddress = 0x3c000020;
const appOffset = 0x10000;
const table = `nvs,data,nvs,0x9000,0x4000
otadata,data,ota,0xd000,0x2000
phy,data,phy,0xf000,0x1000
app0,app,ota_0,0x10000,0x100000
app1,app,ota_1,0x110000,0x100000
`;

export interface DemoOptions {
  /** Name of the simulated firmware; `heartbeat` is known to every bench. */
  readonly project?: string;
  readonly version?: string;
  /** Size of the application's code; the content is made up. */
  readonly appBytes?: number;
}

/** The files and their offsets for `target`. */
export function demoFirmware(target: EspTarget, options: DemoOptions = {}): FirmwareFile[] {
  const { project = "heartbeat", version = "1.0.0", appBytes = 48 * 1024 } = options;
  const chip = { chipId: target.chipId, entry };
  const bootloader = buildImage({ ...chip, segments: [{ address: entry, bytes: code(8192, 1) }] });
  const descriptor = { address: dataAddress, bytes: buildDescriptor(project, version) };
  const text = { address: entry, bytes: code(appBytes, 2) };
  return [
    { name: "bootloader.bin", offset: target.bootloaderOffset, bytes: bootloader },
    {
      name: "partitions.bin",
      offset: tableOffset,
      bytes: encodePartitionTable(parsePartitionCsv(table)),
    },
    {
      name: "app.bin",
      offset: appOffset,
      bytes: buildImage({ ...chip, segments: [descriptor, text] }),
    },
  ];
}

const picoFlash = 0x10000000;
const picoBytes = 24 * 1024;
/** Tells an RP2350's boot ROM where an image's block begins and ends. */
const rp2350Block = Uint8Array.of(0xd3, 0xde, 0xff, 0xff, 0x79, 0x35, 0x12, 0xab);

/** A UF2 file for a virtual Pico: made-up code with the marks of its chip. */
export function demoUf2(chip: RpChip): FirmwareFile {
  const bytes = code(picoBytes, 3);
  if (chip === "rp2350") bytes.set(rp2350Block, 256);
  const family = chip === "rp2350" ? "rp2350-arm-s" : "rp2040";
  return {
    name: "app.uf2",
    offset: picoFlash,
    bytes: encodeUf2([{ address: picoFlash, bytes }], family),
  };
}

/** Bytes that compress about as well as machine code: a third repeats what came shortly before. */
function code(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const run = 1 + Math.floor(random() * 24);
    const back = at > 256 && random() < 0.66 ? 1 + Math.floor(random() * 255) : 0;
    for (let index = 0; index < run && at < size; index++, at++) {
      bytes[at] = back > 0 ? bytes[at - back]! : Math.floor(random() * 256);
    }
  }
  return bytes;
}
