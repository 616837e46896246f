// A serial line to a board: what every transport (native port, RFC 2217, memory) offers.
import type { DeviceError } from "./error.ts";

/** Modem control outputs; true = asserted (the electrical level is low). */
export interface SerialLines {
  readonly dtr: boolean;
  readonly rts: boolean;
}

/** What USB tells about a port. `serialNumber` is often missing or not unique on cheap bridges. */
export interface UsbIdentity {
  readonly vendorId: number;
  readonly productId: number;
  readonly serialNumber?: string | undefined;
  /** Position on the bus (hub and port), the same after every re-enumeration. */
  readonly location?: string | undefined;
}

export interface PortEvents {
  onData(bytes: Uint8Array): void;
  /** Called once when the port goes away by itself; never after `close()`. */
  onClose(error: DeviceError): void;
}

export interface SerialPort {
  readonly path: string;
  readonly usb?: UsbIdentity | undefined;
  /**
   * Hands bytes to the transport; resolves when it has taken them, not when they are on the wire.
   * @throws DeviceError `port-gone` when the port is closed or vanished.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Sets both lines at once. Boards reset on combinations of the two, so there is no way to set one:
   * drivers fill in a missing one differently.
   */
  setLines(lines: SerialLines): Promise<void>;
  /** Changes the speed without dropping received bytes. */
  setBaud(baud: number): Promise<void>;
  /** Never throws; closing twice does nothing. */
  close(): Promise<void>;
}

/** Something that can be opened again: native-USB boards vanish and return at every reset. */
export interface PortSource {
  /** `/dev/ttyUSB0`, `COM3`, `rfc2217://host:port` or `memory:<name>`; for messages and JSON. */
  readonly address: string;
  /** @throws DeviceError `no-device`, `port-busy`, `no-permission` or `port-failed`. */
  open(baud: number, events: PortEvents): Promise<SerialPort>;
}
