// Checks of the machine: disk, memory, ports, and the SDK that boards (not simulation) need.
import { accessSync, constants, existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { freemem } from "node:os";
import { delimiter, join } from "node:path";
import { portHolder } from "../../hub/port-holder.ts";
import { type Check, reason } from "./check.ts";

const mebibyte = 1024 * 1024;
/** Engine build, caches and a hub's store take about 200 MiB. */
const diskWarnMiB = 500;
const diskFailMiB = 100;
const memoryWarnMiB = 1024;

/** Free space where caches and the hub's data go. */
export async function checkDisk(folder: string): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const freeMiB = Math.floor((bavail * bsize) / mebibyte);
    const detail = `${freeMiB} MiB free`;
    if (freeMiB >= diskWarnMiB) return { id: "disk", status: "ok", detail };
    const status = freeMiB < diskFailMiB ? "fail" : "warn";
    return { id: "disk", status, detail, fix: "free some space, or remove build/ and .godwit/" };
  } catch (error) {
    return { id: "disk", status: "warn", detail: `cannot be measured: ${reason(error)}` };
  }
}

/** Free memory for the engine build and the simulated boards. */
export function checkMemory(freeBytes: number = freemem()): Check {
  const freeMiB = Math.floor(freeBytes / mebibyte);
  const detail = `${freeMiB} MiB free`;
  if (freeMiB >= memoryWarnMiB) return { id: "memory", status: "ok", detail };
  return {
    id: "memory",
    status: "warn",
    detail,
    fix: "close other programs before the engine build",
  };
}

function whyNot(error: NodeJS.ErrnoException, port: number): string {
  if (error.code !== "EADDRINUSE") return `not available (${error.code})`;
  return `in use by ${portHolder(port) ?? "another program"}`;
}

/** Whether a port can be listened on. */
export function checkPort(port: number, purpose: string, option: string): Promise<Check> {
  const id = `port-${port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve({
        id,
        status: "warn",
        detail: `${purpose}: ${whyNot(error, port)}`,
        fix: `godwit hub ${option} 0 takes any free port`,
      }),
    );
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve({ id, status: "ok", detail: `${purpose} is free` })),
    );
  });
}

function findProgram(name: string, path: string): string | undefined {
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.bat`] : [name];
  for (const folder of path.split(delimiter)) {
    for (const candidate of names) {
      try {
        accessSync(join(folder, candidate), constants.X_OK);
        return join(folder, candidate);
      } catch {}
    }
  }
  return undefined;
}

/** Moddable's SDK: needed to build images for boards, not for simulation. */
export function checkModdable(env: Readonly<Record<string, string | undefined>>): Check {
  const id = "moddable";
  const home = env.MODDABLE;
  const fix = "https://www.moddable.com/documentation (only for images for real boards)";
  if (!home) return { id, status: "warn", detail: "optional: MODDABLE is not set", fix };
  if (!existsSync(join(home, "modules")))
    return { id, status: "warn", detail: `MODDABLE names no SDK: ${home}`, fix };
  if (!findProgram("mcconfig", env.PATH ?? ""))
    return { id, status: "warn", detail: "SDK found, but mcconfig is not in PATH", fix };
  return { id, status: "ok", detail: home };
}
