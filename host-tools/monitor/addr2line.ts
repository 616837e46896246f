// Code addresses to functions and lines, with an addr2line that is found on this machine.
import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs";
import { delimiter, join } from "node:path";
import { DeviceError } from "../serial/error.ts";
import { shorten } from "../shorten.ts";

const decodeTimeoutMs = 10_000;
/** ELF machine numbers of our chips, and which tools understand them; first found wins. */
const toolsByMachine: Readonly<Record<number, readonly string[]>> = {
  94: ["xtensa-esp32-elf-addr2line", "xtensa-esp-elf-addr2line", "xtensa-esp32s3-elf-addr2line"],
  243: ["riscv32-esp-elf-addr2line", "riscv64-unknown-elf-addr2line", "llvm-addr2line"],
  40: ["arm-none-eabi-addr2line", "llvm-addr2line"],
};

export interface DecodedAddress {
  readonly address: number;
  /** "function at file:line", inlined callers after it. */
  readonly text: string;
}

export type AddressDecoder = (addresses: readonly number[]) => readonly DecodedAddress[];

function elfMachine(elf: string): number | undefined {
  const head = Buffer.alloc(20);
  const file = openSync(elf, "r");
  try {
    const isWhole = readSync(file, head, 0, head.length, 0) === head.length;
    return isWhole && head.readUInt32BE(0) === 0x7f454c46 ? head.readUInt16LE(18) : undefined;
  } finally {
    closeSync(file);
  }
}

function findTool(names: readonly string[], path: string): string | undefined {
  for (const name of names) {
    for (const folder of path.split(delimiter)) {
      const candidate = join(folder, process.platform === "win32" ? `${name}.exe` : name);
      try {
        accessSync(candidate, constants.X_OK);
        return candidate;
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

function notUsable(elf: string, why: string, cause?: unknown): DeviceError {
  return new DeviceError("bad-input", `--elf ${shorten(elf)}: ${why}`, {
    hint: "give the .elf of the firmware that runs on the board",
    cause,
  });
}

function machineOf(elf: string): number {
  try {
    return elfMachine(elf) ?? 0;
  } catch (cause) {
    throw notUsable(elf, shorten((cause as Error).message, 200), cause);
  }
}

/**
 * A decoder for `elf`, or the tools that this machine lacks.
 * @throws DeviceError `bad-input` when `elf` cannot be read or is not for one of our chips
 */
export function addressDecoder(
  elf: string,
  path: string,
): { readonly decode: AddressDecoder } | { readonly missing: string } {
  const names = toolsByMachine[machineOf(elf)];
  if (!names) throw notUsable(elf, "it is no ELF file of a known chip");
  const tool = findTool(names, path);
  if (!tool) return { missing: `none of ${names.join(", ")} is in PATH` };
  return { decode: (addresses) => runTool(tool, elf, addresses) };
}

function runTool(tool: string, elf: string, addresses: readonly number[]): DecodedAddress[] {
  const hex = addresses.map((address) => `0x${address.toString(16)}`);
  const result = spawnSync(tool, ["-aipfC", "-e", elf, ...hex], {
    encoding: "utf8",
    timeout: decodeTimeoutMs,
  });
  return result.status === 0 ? parseOutput(result.stdout) : [];
}

/** One line per address, `0x...: function at file:line`; inlined frames follow indented. */
export function parseOutput(output: string): DecodedAddress[] {
  const decoded: DecodedAddress[] = [];
  for (const line of output.split("\n")) {
    const match = /^0x([0-9a-f]+):\s*(.*)$/i.exec(line.trimEnd());
    if (match) {
      decoded.push({ address: Number.parseInt(match[1]!, 16), text: match[2]! });
    } else if (line.trim() !== "" && decoded.length > 0) {
      const last = decoded.pop()!;
      decoded.push({ ...last, text: `${last.text}, ${line.trim()}` });
    }
  }
  return decoded.filter(({ text }) => !text.startsWith("??"));
}
