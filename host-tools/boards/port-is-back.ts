// Whether a board that was restarted runs again: under its old port, or under another name.
import { findListed, type ListedPort, listPorts } from "../serial/list.ts";
import { isRfc2217Address } from "../serial/rfc2217.ts";
import { isThere, portSource } from "../serial/source.ts";

/**
 * Looks at the ports now and gives a question to ask later. Without `address` any new port of an RP2040 or
 * RP2350 application is an answer.
 */
export async function portIsBack(address: string | undefined): Promise<() => Promise<boolean>> {
  if (address !== undefined && isRfc2217Address(address)) return () => isThere(portSource(address));
  const before = await listPorts();
  const was = address === undefined ? undefined : findListed(address, before);
  return async () => {
    const now = await listPorts();
    if (address === undefined) return now.some((port) => isNewApplication(port, before));
    return (
      findListed(address, now) !== undefined || now.some((port) => was && isSameBoard(port, was))
    );
  };
}

function isNewApplication(port: ListedPort, before: readonly ListedPort[]): boolean {
  return port.kind?.kind === "rp-app" && !before.some(({ path }) => path === port.path);
}

/** Another firmware may have another product id; serial number and place stay. */
function isSameBoard(port: ListedPort, was: ListedPort): boolean {
  const { serialNumber, location } = was.usb ?? {};
  return (
    (serialNumber !== undefined && port.usb?.serialNumber === serialNumber) ||
    (location !== undefined && port.usb?.location === location)
  );
}
