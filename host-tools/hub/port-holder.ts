// Who listens on a port (Linux: /proc/net/tcp and the open files of our own user's processes).
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const listenState = "0A";

function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === listenState && fields[1]?.endsWith(`:${wanted}`))
        inodes.add(fields[9] ?? "");
    }
  }
  return inodes;
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "none");
    });
  } catch {
    // Another user's process, or one that has just ended.
    return false;
  }
}

/** `name (process 123)` of the program on a port; undefined when the system does not tell. */
export function portHolder(port: number): string | undefined {
  try {
    const inodes = listeningInodes(port);
    if (inodes.size === 0) return undefined;
    const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && holds(name, inodes));
    if (pid === undefined) return undefined;
    return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (process ${pid})`;
  } catch {
    // No /proc on this operating system.
    return undefined;
  }
}
