// `godwit devices`: which boards are attached. Opens no port unless asked to: opening can reset a board.
import type { Command } from "commander";
import { boardsFor, loadBoards } from "../../boards/board.ts";
import { describePort } from "../../boards/choose-port.ts";
import { chipInfo } from "../../flash/esp/job.ts";
import { EspSession } from "../../flash/esp/session.ts";
import { findDrives, systemDriveFiles } from "../../flash/rp2040/drive.ts";
import { realClock } from "../../serial/clock.ts";
import { isDeviceError } from "../../serial/error.ts";
import { type ListedPort, listPorts } from "../../serial/list.ts";
import { holderOf, nativeSource } from "../../serial/native.ts";
import type { Context } from "../command.ts";
import { printable } from "../output.ts";

interface Flags {
  readonly identify?: boolean;
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .option("--identify", "ask each ESP board for chip and MAC (this resets it)")
    .action(async (flags: Flags) => devices(flags, context));
}

async function devices(flags: Flags, context: Context): Promise<void> {
  const { output } = context;
  const boards = loadBoards();
  const ports = await listPorts();
  for (const port of ports) {
    const chip = flags.identify ? await identify(port) : undefined;
    const candidates = port.usb ? boardsFor(port.usb, boards).map((board) => board.id) : [];
    const holder = holderOf(port.path);
    const fields = {
      port: port.path,
      usb: port.usb ?? null,
      kind: port.kind?.kind ?? null,
      name: port.kind?.name ?? port.product ?? null,
      boards: candidates,
      usedBy: holder ?? null,
      ...(chip ? { chip } : {}),
    };
    const text = [port.path.padEnd(16), printable(describePort(port))];
    if (chip && "mac" in chip) text.push(`${chip.chipName} ${chip.mac}`);
    if (chip && "error" in chip) text.push(chip.error);
    if (holder) text.push(`in use by ${printable(holder)}`);
    output.result("device", fields, text.join("  "));
  }
  const drives = findDrives(systemDriveFiles());
  for (const drive of drives) {
    output.result(
      "drive",
      { ...drive },
      `${drive.path.padEnd(16)}  ${drive.boardId} in BOOTSEL mode`,
    );
  }
  const count = ports.length + drives.length;
  if (count === 0) output.note("no boards found\ntry: godwit bench virtual --board esp32c3");
  output.summary({ count }, "");
}

async function identify(
  port: ListedPort,
): Promise<{ chipName: string; mac: string | undefined } | { error: string } | undefined> {
  if (port.kind?.kind !== "bridge" && port.kind?.kind !== "esp-usb-jtag") return undefined;
  try {
    const options = { source: nativeSource(port.path), clock: realClock };
    const session = await EspSession.connect(options);
    try {
      const { chipName, mac } = await chipInfo(session);
      await session.hardReset();
      return { chipName, mac };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return { error: error.message };
  }
}
