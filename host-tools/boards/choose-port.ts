// Which port a command uses: the one that was named, or the only board there is. Never a guess.
import { DeviceError } from "../serial/error.ts";
import { findListed, type ListedPort } from "../serial/list.ts";
import type { UsbKind } from "../serial/usb-ids-table.ts";

export interface PortChoice {
  /** --port */
  readonly port?: string | undefined;
  /** GODWIT_PORT */
  readonly environment?: string | undefined;
  readonly ports: readonly ListedPort[];
  /** What kind of board is wanted; others are no candidates. Default: any. */
  readonly family?: "esp" | "rp";
}

const families: Readonly<Record<"esp" | "rp", readonly UsbKind["kind"][]>> = {
  esp: ["bridge", "esp-usb-jtag", "esp-usb-otg"],
  rp: ["rp-app"],
};

/** "CP2102 (10c4:ea60), serial 0001, bus 1-2": enough to tell boards apart. */
export function describePort(port: ListedPort): string {
  const { usb, kind } = port;
  if (!usb) return port.path;
  const hex = (value: number) => value.toString(16).padStart(4, "0");
  const id = `${hex(usb.vendorId)}:${hex(usb.productId)}`;
  const name = kind?.name ?? port.product ?? port.manufacturer ?? "unknown device";
  const parts = [`${name} (${id})`];
  if (usb.serialNumber) parts.push(`serial ${usb.serialNumber}`);
  if (usb.location) parts.push(`bus ${usb.location}`);
  return parts.join(", ");
}

/** A port that says what it is does not have to be tried: trying resets or stops somebody's board. */
function requireFamily(named: string, { family, ports }: PortChoice): void {
  const found = findListed(named, ports);
  const kind = found?.kind?.kind;
  if (!family || !found || !kind || kind === "probe" || families[family].includes(kind)) return;
  const wanted = family === "esp" ? "ESP chip" : "RP2040 or RP2350 application";
  throw new DeviceError("wrong-board", `${named} is no ${wanted}: ${describePort(found)}`, {
    hint: "godwit devices, then give the right --port",
  });
}

/**
 * The address to open.
 * @throws DeviceError `no-device`, `ambiguous-device` (listing them), `wrong-board` for a port of another kind
 */
export function choosePort(choice: PortChoice): string {
  const named = choice.port || choice.environment;
  if (named) {
    requireFamily(named, choice);
    return named;
  }
  const wanted = choice.family ? families[choice.family] : [...families.esp, ...families.rp];
  const boards = choice.ports.filter(({ kind }) => kind && wanted.includes(kind.kind));
  if (boards.length === 1) return boards[0]!.path;
  if (boards.length === 0) {
    throw new DeviceError("no-device", "no board is plugged in", {
      hint: "plug one in (data cable, not a charging cable), or godwit bench virtual --board esp32c3",
    });
  }
  const list = boards.map((port) => `  ${port.path}  ${describePort(port)}`).join("\n");
  throw new DeviceError("ambiguous-device", `${boards.length} boards are plugged in:\n${list}`, {
    hint: `name one: --port ${boards[0]!.path}`,
  });
}
