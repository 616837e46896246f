// Checks of serial ports: the library loads, the user may open them, nobody grabs them.
import { readdirSync, readFileSync } from "node:fs";
import { type Check, reason } from "./check.ts";

const serialGroups = ["dialout", "uucp"];

/** Names and ids of the groups that own serial ports, from the text of /etc/group. */
export function serialGroupIds(groupFile: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of groupFile.split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (serialGroups.includes(name) && /^\d+$/.test(id)) found.set(name, Number(id));
  }
  return found;
}

/** Whether a Linux user may open serial ports. */
export function checkSerialGroup(groupFile: string, userGroups: readonly number[]): Check {
  const id = "serial";
  const groups = serialGroupIds(groupFile);
  if (groups.size === 0) return { id, status: "ok", detail: "no group guards serial ports here" };
  const member = [...groups].find(([, gid]) => userGroups.includes(gid));
  if (member) return { id, status: "ok", detail: `member of ${member[0]}` };
  const [name] = [...groups.keys()];
  return {
    id,
    status: "warn",
    detail: `optional: you are not in the group ${name}, so boards cannot be opened`,
    fix: `sudo usermod -aG ${name} "$USER", then log in again`,
  };
}

function isRunning(name: string): boolean {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readFileSync(`/proc/${entry}/comm`, "utf8").trim() === name) return true;
    } catch {
      // The process ended while we looked.
    }
  }
  return false;
}

/** ModemManager opens every new serial port and sends it modem commands. */
function checkModemManager(): Check {
  const id = "modem-manager";
  if (!isRunning("ModemManager")) return { id, status: "ok", detail: "not running" };
  return {
    id,
    status: "warn",
    detail: "ModemManager is running and talks to boards as if they were modems",
    fix: "sudo systemctl disable --now ModemManager",
  };
}

/** All checks about serial ports that make sense on this operating system. */
export async function checkSerial(): Promise<Check[]> {
  const checks: Check[] = [];
  try {
    await import("serialport");
    checks.push({ id: "serialport", status: "ok", detail: "library loads" });
  } catch (error) {
    const detail = `optional: serialport does not load: ${reason(error)}`;
    checks.push({ id: "serialport", status: "warn", detail, fix: "npm ci --ignore-scripts" });
  }
  if (process.platform !== "linux") return checks;
  const groups = process.getuid?.() === 0 ? [] : (process.getgroups?.() ?? []);
  if (process.getuid?.() === 0)
    checks.push({ id: "serial", status: "ok", detail: "root may open every port" });
  else checks.push(checkSerialGroup(readFileSync("/etc/group", "utf8"), groups));
  checks.push(checkModemManager());
  return checks;
}
