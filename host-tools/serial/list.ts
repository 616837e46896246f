// Which serial ports there are, without opening any: opening one can reset somebody's board.
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { UsbIdentity } from "./port.ts";
import { type UsbKind, usbKind } from "./usb-ids-table.ts";

export interface ListedPort {
  readonly path: string;
  readonly usb: UsbIdentity | undefined;
  readonly manufacturer: string | undefined;
  readonly product: string | undefined;
  /** What the USB ids tell; undefined for unknown devices and for ports without USB. */
  readonly kind: UsbKind | undefined;
}

/** How far up from the tty the USB device is at most. */
const parentsMax = 6;

/** All ports with USB behind them; legacy ports without an id are left out. */
export async function listPorts(): Promise<readonly ListedPort[]> {
  return process.platform === "linux" ? listSysfs("/sys/class/tty") : listNative();
}

/** Where a path leads: `/dev/serial/by-id/…` are links that follow a board from name to name. */
export function devicePath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The port behind `address`, which may be a link to it. */
export function findListed(address: string, ports: readonly ListedPort[]): ListedPort | undefined {
  const path = devicePath(address);
  return ports.find((port) => port.path === path);
}

/** What stays the same when a port changes its name: USB serial number and place on the bus. */
export async function boardIdentity(address: string): Promise<string> {
  const usb = findListed(address, await listPorts())?.usb;
  if (!usb) return devicePath(address);
  const { vendorId, productId, serialNumber = "", location = "" } = usb;
  return `usb ${vendorId.toString(16)}:${productId.toString(16)} ${serialNumber} at ${location}`;
}

/** Linux without udev: everything is in sysfs. `root` is /sys/class/tty. */
export function listSysfs(root: string): readonly ListedPort[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  const ports = names.flatMap((name) => {
    const device = usbDeviceOf(join(root, name));
    return device ? [listed(`/dev/${name}`, device)] : [];
  });
  return ports.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

function usbDeviceOf(tty: string): string | undefined {
  let folder: string;
  try {
    folder = realpathSync(join(tty, "device"));
  } catch {
    return undefined;
  }
  for (let level = 0; level < parentsMax; level++) {
    if (readField(folder, "idVendor") !== undefined) return folder;
    folder = dirname(folder);
  }
  return undefined;
}

function readField(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8").trim();
  } catch {
    return undefined;
  }
}

function listed(path: string, device: string): ListedPort {
  const vendorId = Number.parseInt(readField(device, "idVendor") ?? "0", 16);
  const productId = Number.parseInt(readField(device, "idProduct") ?? "0", 16);
  return {
    path,
    usb: {
      vendorId,
      productId,
      serialNumber: readField(device, "serial"),
      location: basename(device),
    },
    manufacturer: readField(device, "manufacturer"),
    product: readField(device, "product"),
    kind: usbKind(vendorId, productId),
  };
}

/** macOS and Windows: what the serialport library finds. */
async function listNative(): Promise<readonly ListedPort[]> {
  const { SerialPort } = await import("serialport");
  const found = await SerialPort.list();
  return found.flatMap((port): ListedPort[] => {
    const vendorId = Number.parseInt(port.vendorId ?? "", 16);
    const productId = Number.parseInt(port.productId ?? "", 16);
    if (Number.isNaN(vendorId) || Number.isNaN(productId)) return [];
    return [
      {
        path: port.path,
        usb: { vendorId, productId, serialNumber: port.serialNumber, location: port.locationId },
        manufacturer: port.manufacturer,
        product: undefined,
        kind: usbKind(vendorId, productId),
      },
    ];
  });
}
