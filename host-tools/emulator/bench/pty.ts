// A virtual board behind a pseudo terminal, for tools that know only paths. Node cannot make one; socat or
// python3 can.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { DeviceError } from "../../serial/error.ts";
import type { PortSource, SerialPort } from "../../serial/port.ts";

/** Copies between a new pseudo terminal and its own stdin and stdout; prints the path first. */
const pythonBridge = `
import os, select, sys, tty
master, slave = os.openpty()
tty.setraw(slave)
os.write(2, (os.ttyname(slave) + "\\n").encode())
while True:
    ready, _, _ = select.select([master, 0], [], [])
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)
        while data:
            data = data[os.write(master, data):]
    if master in ready:
        os.write(1, os.read(master, 65536))
`;

/** An interpreter on a busy machine takes its time. */
const startTimeoutMs = 30_000;
const pathPattern = /(\/dev\/\S+)/;

interface Bridge {
  readonly command: string;
  readonly args: readonly string[];
}

const bridges: readonly Bridge[] = [
  // -d -d makes socat tell the path on stderr; the slave stays open, so that reopening works.
  { command: "socat", args: ["-d", "-d", "PTY,raw,echo=0", "STDIO"] },
  { command: "python3", args: ["-u", "-c", pythonBridge] },
];

/** The first bridge that this machine has, or undefined. */
export function findPtyBridge(): Bridge | undefined {
  if (process.platform === "win32") return undefined;
  return bridges.find(({ command }) => {
    const version = command === "socat" ? "-V" : "--version";
    return spawnSync(command, [version], { stdio: "ignore" }).status === 0;
  });
}

export interface ServedPty {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Serves `source` behind a pseudo terminal. Control lines and speeds do not pass: the board must wait in its
 * bootloader and hear every speed.
 * @throws DeviceError `port-failed` when the machine has neither socat nor python3
 */
export async function servePty(source: PortSource): Promise<ServedPty> {
  const bridge = findPtyBridge();
  if (!bridge) {
    throw new DeviceError("port-failed", "neither socat nor python3 is here to make a terminal", {
      hint: "apt install socat, or use the rfc2217:// address",
    });
  }
  const child = spawn(bridge.command, bridge.args, { stdio: ["pipe", "pipe", "pipe"] });
  // Asked for now: after a pulled plug the bridge has ended long before anybody closes.
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const path = await pathFrom(child).catch((error: unknown) => {
    child.kill();
    throw error;
  });
  const port = await source.open(115_200, {
    onData: (bytes) => void child.stdin!.write(bytes),
    onClose: () => child.kill(),
  });
  forward(child, port);
  return {
    path,
    async close() {
      await port.close();
      child.kill();
      await ended;
    },
  };
}

function forward(child: ChildProcess, port: SerialPort): void {
  child.stdin!.on("error", () => {
    // The bridge has ended; closing is under way.
  });
  child.stdout!.on("data", (bytes: Buffer) => {
    port.write(bytes).catch(() => child.kill());
  });
}

function pathFrom(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(
        new DeviceError("port-failed", `the terminal bridge ${what}`, { hint: "godwit doctor" }),
      );
    };
    const timer = setTimeout(() => fail("did not start"), startTimeoutMs);
    let text = "";
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code) => fail(`ended with ${code}`));
    child.stderr!.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      const match = pathPattern.exec(text);
      if (!match || !text.includes("\n")) return;
      clearTimeout(timer);
      resolve(match[1]!);
    });
  });
}
