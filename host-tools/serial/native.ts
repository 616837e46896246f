// Real serial ports through the serialport library.
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import type { SerialPort as Native } from "serialport";
import { DeviceError } from "./error.ts";
import { devicePath, findListed, listPorts } from "./list.ts";
import type { PortEvents, PortSource, SerialLines, SerialPort, UsbIdentity } from "./port.ts";
import { mendUnixPort } from "./unix-port.ts";

export function nativeSource(path: string): PortSource {
  return { address: path, open: (baud, events) => openNative(path, baud, events) };
}

async function openNative(path: string, baud: number, events: PortEvents): Promise<SerialPort> {
  const { SerialPort: NativePort } = await import("serialport");
  const listed = findListed(path, await listPorts());
  const native = new NativePort({
    path,
    baudRate: baud,
    autoOpen: false,
    lock: true,
    // Closing must not drop the lines: that resets the board behind us.
    hupcl: false,
  });
  await new Promise<void>((resolve, reject) => {
    native.open((cause) => (cause ? reject(openError(path, cause)) : resolve()));
  });
  mendUnixPort(native.port);
  return new NativeSerialPort(native, listed?.usb, events);
}

class NativeSerialPort implements SerialPort {
  readonly path: string;
  readonly usb: UsbIdentity | undefined;
  readonly #native: Native;
  #isClosing = false;

  constructor(native: Native, usb: UsbIdentity | undefined, events: PortEvents) {
    this.path = native.path;
    this.usb = usb;
    this.#native = native;
    native.on("data", (bytes: Buffer) => events.onData(bytes));
    native.on("error", () => {
      // Every failed call reports to its caller as well.
    });
    native.on("close", () => {
      if (this.#isClosing) return;
      this.#isClosing = true;
      events.onClose(this.#gone());
    });
  }

  #gone(cause?: unknown): DeviceError {
    return new DeviceError("port-gone", `${this.path} has disappeared`, {
      hint: "check the cable, then run the same command again",
      cause,
    });
  }

  #require(): void {
    if (!this.#native.isOpen) throw this.#gone();
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#require();
    await new Promise<void>((resolve, reject) => {
      this.#native.write(bytes, (cause) => (cause ? reject(this.#gone(cause)) : resolve()));
    });
  }

  async setLines({ dtr, rts }: SerialLines): Promise<void> {
    this.#require();
    await new Promise<void>((resolve, reject) => {
      this.#native.set({ dtr, rts }, (cause) => {
        // A pseudo terminal has no control lines; its board is reset by other means.
        if (!cause || /inappropriate ioctl|ENOTTY/i.test(String(cause))) resolve();
        else reject(this.#gone(cause));
      });
    });
  }

  async setBaud(baud: number): Promise<void> {
    this.#require();
    // The library flushes received bytes here; nothing that matters is under way at a change.
    await new Promise<void>((resolve, reject) => {
      this.#native.update({ baudRate: baud }, (cause) =>
        cause ? reject(this.#gone(cause)) : resolve(),
      );
    });
  }

  async close(): Promise<void> {
    if (this.#isClosing || !this.#native.isOpen) return;
    this.#isClosing = true;
    await new Promise<void>((resolve) => this.#native.close(() => resolve()));
  }
}

/** Turns the library's text into a cause and a way out. */
export function openError(path: string, cause: Error): DeviceError {
  const text = cause.message;
  if (/cannot lock port|resource busy|EBUSY|temporarily unavailable/i.test(text)) {
    const holder = holderOf(path);
    return new DeviceError("port-busy", `${path} is in use${holder ? ` by ${holder}` : ""}`, {
      hint: holder
        ? "end that program, then run the same command again"
        : "close the other program",
      cause,
    });
  }
  if (/permission denied|access denied|EACCES/i.test(text)) {
    return new DeviceError("no-permission", `you may not open ${path}`, {
      hint: permissionHint(path),
      cause,
    });
  }
  if (/no such file|file not found|ENOENT|ENXIO|no such device/i.test(text)) {
    return new DeviceError("no-device", `there is no port ${path}`, {
      hint: "godwit devices",
      cause,
    });
  }
  return new DeviceError("port-failed", `${path} cannot be opened: ${text}`, {
    hint: "godwit doctor",
    cause,
  });
}

/** Looks without opening: an open port may reset its board. @throws DeviceError `no-permission` */
export function requirePermission(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // What else is wrong with it, opening tells better.
    if (code === "EACCES") throw openError(path, cause as Error);
  }
}

function permissionHint(path: string): string {
  if (process.platform !== "linux") return "check the rights on the port";
  const group = groupOf(path) ?? "dialout";
  return `sudo usermod -aG ${group} "$USER", then log in again (${path} belongs to ${group})`;
}

/** Name of the group that owns a file; its number when it has no name. */
export function groupOf(path: string, groupFile = "/etc/group"): string | undefined {
  let gid: number;
  try {
    gid = statSync(path).gid;
  } catch {
    return undefined;
  }
  const groups = existsSync(groupFile) ? readFileSync(groupFile, "utf8").split("\n") : [];
  const row = groups.map((line) => line.split(":")).find((fields) => fields[2] === String(gid));
  return row?.[0] ?? String(gid);
}

const holdersMax = 3;

/** "name (process 123)" of the processes that have the port open; only those of the same user are visible. */
export function holderOf(path: string, procRoot = "/proc"): string | undefined {
  let processes: string[];
  try {
    processes = readdirSync(procRoot).filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  const device = devicePath(path);
  const holders: string[] = [];
  for (const id of processes) {
    if (holders.length === holdersMax) break;
    if (id === String(process.pid) || !hasOpen(`${procRoot}/${id}/fd`, device)) continue;
    holders.push(`${nameOf(`${procRoot}/${id}/comm`)} (process ${id})`);
  }
  return holders.length === 0 ? undefined : holders.join(" and ");
}

/** A process may end while we look at it. */
function nameOf(commFile: string): string {
  try {
    return readFileSync(commFile, "utf8").trim();
  } catch {
    return "a program that has just ended";
  }
}

function hasOpen(folder: string, path: string): boolean {
  try {
    accessSync(folder, constants.R_OK);
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`) === path;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
