// `godwit image info`: what a firmware file is, checked byte by byte.
import { basename } from "node:path";
import type { Command } from "commander";
import { type EspImage, isEspImage, parseImage } from "../../flash/esp/image.ts";
import { hex } from "../../flash/esp/regions.ts";
import { targetByChipId } from "../../flash/esp/targets-table.ts";
import { elfFlashSegments, isElf } from "../../flash/rp2040/elf.ts";
import { isUf2, parseUf2 } from "../../flash/rp2040/uf2.ts";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { readFileOf } from "../files.ts";
import { printable } from "../output.ts";

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .command("info")
    .description("kind, chip, segments, version and integrity of a .bin, .uf2 or .elf")
    .argument("<file>")
    .action((file: string) => info(file, context));
}

function info(path: string, context: Context): void {
  const bytes = readFileOf(path, context);
  const name = shorten(basename(path));
  const { output } = context;
  if (isUf2(bytes)) {
    const file = parseUf2(bytes, name);
    const addresses = file.blocks.map((block) => block.address);
    const from = Math.min(...addresses);
    const text = `UF2 for ${file.families.join(", ")}: ${file.blocks.length} blocks from ${hex(from)}`;
    const fields = { kind: "uf2", families: file.families, blocks: file.blocks.length, from };
    output.result("image", fields, text);
    return;
  }
  if (isElf(bytes)) {
    const segments = elfFlashSegments(bytes, name).map(({ address, bytes: content }) => ({
      address,
      size: content.length,
    }));
    const list = segments.map(({ address, size }) => `${hex(address)} (${size} bytes)`).join(", ");
    output.result("image", { kind: "elf", segments }, `ELF with flash segments ${list}`);
    return;
  }
  if (!isEspImage(bytes)) {
    throw new DeviceError("bad-image", `${name} is neither an ESP image nor UF2 nor ELF`, {
      hint: "partition tables: godwit partitions <file>",
    });
  }
  const image = parseImage(bytes, name);
  output.result("image", { kind: "esp", chip: chipOf(image), ...image }, describe(image, bytes));
}

function chipOf(image: EspImage): string {
  return targetByChipId(image.chipId)?.id ?? `chip id ${image.chipId}`;
}

function describe(image: EspImage, bytes: Uint8Array): string {
  const { descriptor } = image;
  const lines = [
    `ESP image for ${chipOf(image)}, ${image.size} of ${bytes.length} bytes, entry ${hex(image.entry)}`,
    `flash ${image.flashMode}, ${image.flashSizeMegabytes} MB; checksum valid, ` +
      (image.hasSha256 ? "SHA-256 valid" : "no SHA-256"),
    ...image.segments.map(
      ({ address, offset, size }, index) =>
        `segment ${index}: ${hex(address)}, ${size} bytes at ${hex(offset)}`,
    ),
  ];
  if (descriptor) {
    const { project, version, date, time, idfVersion } = descriptor;
    lines.push(printable(`${project} ${version}, built ${date} ${time} with ${idfVersion}`));
  }
  return lines.join("\n");
}
