// Faults of a flashing line or board, and how runs under them have to end.
export const faultNames = [
  "none",
  "drop",
  "duplicate",
  "corrupt",
  "split",
  "all-at-once",
  "slow-erase",
  "stuck-twice",
  "stuck-in-app",
  "unplug",
  "unplug-for-good",
  "unplug-twice",
  "unplug-at-neighbours",
  "wrong-serial",
  "swapped-board",
  "slow-reset",
  "usb-jtag-reenumerates",
  "leaves-bootloader",
  "hub-never-off",
  "hub-never-on-again",
] as const;
export type FaultName = (typeof faultNames)[number];

/** In memory and virtual time; or behind RFC 2217 on loopback sockets, in real time. */
export type Transport = "memory" | "rfc2217";

/** How a fault must end where there is no choice: a damaged line may be too bad, a pulled plug may not. */
export const certainEnds: Partial<Record<FaultName, string>> = {
  none: "verified",
  split: "verified",
  "slow-erase": "verified",
  "slow-reset": "verified",
  "stuck-twice": "verified",
  "stuck-in-app": "app-running",
  unplug: "verified",
  "unplug-twice": "verified",
  "unplug-for-good": "no-device",
  "unplug-at-neighbours": "no-device",
  "wrong-serial": "verified",
  "swapped-board": "wrong-board",
  "usb-jtag-reenumerates": "verified",
  "leaves-bootloader": "verified",
  "hub-never-off": "power-stuck",
  "hub-never-on-again": "power-stuck",
};

/** Runs that are beyond repair are allowed; a client that never gets through a bad line is not. */
export const verifiedShareMin: Partial<Record<FaultName, number>> = {
  drop: 0.3,
  duplicate: 0.3,
  corrupt: 0.3,
};
