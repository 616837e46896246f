// A hub's data folder: `hub.db` (state), `pki/` (keys), `hub.json` (how to reach the running hub).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import { fileError, replaceFile } from "./pki/key-files.ts";

/** Where `godwit hub` keeps its state when nothing else is said, below the working folder. */
export const defaultDataDir = join(".godwit", "hub");

export interface HubPaths {
  readonly folder: string;
  readonly store: string;
  readonly pki: string;
  /** Certificates and keys of devices made with --x509. */
  readonly devices: string;
  readonly contact: string;
}

/** Paths inside a data folder. */
export function hubPaths(folder: string): HubPaths {
  return {
    folder,
    store: join(folder, "hub.db"),
    pki: join(folder, "pki"),
    devices: join(folder, "devices"),
    contact: join(folder, "hub.json"),
  };
}

/** What other processes need to talk to a hub. Holds the owner key: the file is its owner's alone. */
export interface HubContact {
  /** Process of the running hub; null when it ended in order. */
  readonly pid: number | null;
  readonly hostName: string;
  /** Address on this machine where it listens. */
  readonly address: string;
  readonly mqttsPort: number;
  readonly httpsPort: number;
  readonly caFile: string;
  readonly ownerConnectionString: string;
}

/** Tells other processes how to reach this hub. */
export function writeContact(paths: HubPaths, contact: HubContact): void {
  try {
    replaceFile(paths.contact, `${JSON.stringify(contact, null, 2)}\n`, true);
  } catch (error) {
    throw fileError(paths.contact, error);
  }
}

/** The contact of a data folder's hub, also of one that has ended; undefined when none ever ran. */
export function readContact(paths: HubPaths): HubContact | undefined {
  let text: string;
  try {
    text = readFileSync(paths.contact, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(paths.contact, error);
  }
  try {
    const contact = JSON.parse(text) as HubContact;
    const { httpsPort, mqttsPort, caFile, hostName, ownerConnectionString: owner } = contact;
    const isWhole = [caFile, hostName, owner].every((text) => typeof text === "string");
    if (isWhole && Number.isInteger(httpsPort) && Number.isInteger(mqttsPort)) return contact;
  } catch {
    // Falls through to the same answer as for JSON of another shape.
  }
  throw new UserError(`${paths.contact} is damaged`, {
    code: "contact-damaged",
    hint: `rm ${paths.contact}`,
  });
}
