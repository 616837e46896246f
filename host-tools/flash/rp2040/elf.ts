// Loadable parts of a 32-bit little-endian ELF file (System V ABI), for conversion to UF2.
import { DeviceError } from "../../serial/error.ts";
import type { UfSegment } from "./uf2.ts";

const headerBytes = 52;
const programHeaderBytes = 32;
const typeLoad = 1;
const programHeadersMax = 64;
const flashStart = 0x10000000;
const flashEnd = 0x11000000;

function bad(name: string, what: string): DeviceError {
  return new DeviceError("bad-input", `${name} is no usable ELF file: ${what}`, {
    hint: "give the .elf that the linker wrote for the board",
  });
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

const machineRiscv = 243;

/** Whether the code is for the RISC-V cores that only an RP2350 has. */
export function isRiscvElf(bytes: Uint8Array): boolean {
  return isElf(bytes) && (bytes[18]! | (bytes[19]! << 8)) === machineRiscv;
}

/** First word of the block that tells an RP2350's boot ROM how to start an image (RP2350 datasheet §5.9). */
const blockMarker = 0xffffded3;
/** The ROM looks for it no further. */
const markerWithinBytes = 4096;

/** Whether an image carries what an RP2350 starts; an RP2040 image does not. */
export function isRp2350Image(segments: readonly UfSegment[]): boolean {
  return segments.some(({ address, bytes }) => {
    const end = Math.min(bytes.length, flashStart + markerWithinBytes - address);
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= end; at += 4) {
      if (data.getUint32(at, true) === blockMarker) return true;
    }
    return false;
  });
}

/**
 * What goes to flash, by physical address.
 * @throws DeviceError `bad-input`
 */
export function elfFlashSegments(bytes: Uint8Array, name = "file"): readonly UfSegment[] {
  if (!isElf(bytes) || bytes.length < headerBytes) throw bad(name, "the header is missing");
  if (bytes[4] !== 1 || bytes[5] !== 1) throw bad(name, "it is not 32-bit little-endian");
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableAt = data.getUint32(28, true);
  const entryBytes = data.getUint16(42, true);
  const count = data.getUint16(44, true);
  if (count === 0 || count > programHeadersMax || entryBytes < programHeaderBytes) {
    throw bad(name, `${count} program headers of ${entryBytes} bytes`);
  }
  const segments: UfSegment[] = [];
  for (let index = 0; index < count; index++) {
    const at = tableAt + index * entryBytes;
    if (at + programHeaderBytes > bytes.length)
      throw bad(name, `cut off in program header ${index}`);
    const [type, offset, , address, size] = [0, 4, 8, 12, 16].map((field) =>
      data.getUint32(at + field, true),
    ) as [number, number, number, number, number];
    if (type !== typeLoad || size === 0) continue;
    if (offset + size > bytes.length) throw bad(name, `segment ${index} ends behind the file`);
    if (address < flashStart || address + size > flashEnd) {
      throw bad(name, `segment ${index} goes to 0x${address.toString(16)}, outside flash`);
    }
    segments.push({ address, bytes: bytes.subarray(offset, offset + size) });
  }
  if (segments.length === 0) throw bad(name, "nothing in it goes to flash");
  return segments;
}
