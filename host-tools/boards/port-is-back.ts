// Whether a board that was restarted runs again: under its old port, or under another name.
import { type ListedPort, listPorts } from "../serial/list.ts";
import { isRfc2217Address } from "../serial/rfc2217.ts";
import { isThere, portSource } from "../serial/source.ts";

/**
 * Looks at the ports now and gives a question to ask later. Without `address` any new port of an RP2040 or
 * RP2350 application is an answer.
 */
export async function portIsBack(address: string | undefined): Promise<() => Promise<boolean>> {
  if (address !== undefined && isRfc2217Address(address)) return () => isThere(portSource(address));
  const before = await listPorts();
  const was = before.find((port) => port.path === address);
  return async () => {
    const now = await listPorts();
    if (address === undefined) return now.some((port) => isNewApplication(port, before));
    return now.some((port) => port.path === address || (was && isSameBoard(port, was)));
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
