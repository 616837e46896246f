// Reading and waiting on a Unix terminal where the serialport bindings stall (termios(3), poll(2)).
import { read } from "node:fs";

interface Poller {
  poll(flags?: number): void;
  once(event: "readable", callback: (error: Error | null) => void): unknown;
  listenerCount(event: string): number;
}

interface UnixPort {
  readonly fd: number | null;
  readonly poller: Poller;
  read(
    buffer: Buffer,
    offset: number,
    length: number,
  ): Promise<{ buffer: Buffer; bytesRead: number }>;
}

const readableFlag = 1;
const writableFlag = 2;
const retryCodes: ReadonlySet<string | undefined> = new Set(["EAGAIN", "EWOULDBLOCK", "EINTR"]);

/** Mends an open port of the library, before its first read; ports of other systems stay as they are. */
export function mendUnixPort(port: object | undefined): void {
  if (!port || !("poller" in port)) return;
  const unix = port as UnixPort;
  keepBothWaits(unix.poller);
  unix.read = (buffer, offset, length) => readSome(unix, buffer, offset, length);
}

/**
 * Waiting for one direction replaces the wait for the other in the library. With both buffers full the far end
 * then waits for our reader and our writer for the far end, for ever.
 */
function keepBothWaits(poller: Poller): void {
  const poll = poller.poll.bind(poller);
  poller.poll = (flags = 0) => {
    const reading = poller.listenerCount("readable") > 0 ? readableFlag : 0;
    const writing = poller.listenerCount("writable") > 0 ? writableFlag : 0;
    poll(flags | reading | writing);
  };
}

/** The library reads a hung-up terminal again and again: there, a read gives 0 bytes at once. */
async function readSome(port: UnixPort, buffer: Buffer, offset: number, length: number) {
  for (;;) {
    const { fd } = port;
    if (fd === null) throw Object.assign(new Error("the port is not open"), { canceled: true });
    const { error, bytesRead } = await readOnce(fd, buffer, offset, length);
    if (!error && bytesRead > 0) return { buffer, bytesRead };
    // With VMIN 1 an idle line answers EAGAIN; 0 bytes are the hang-up alone.
    if (!error) throw Object.assign(new Error("the terminal has hung up"), { disconnect: true });
    if (!retryCodes.has(error.code)) throw error;
    if (port.fd !== null) await readable(port.poller);
  }
}

interface ReadResult {
  readonly error: NodeJS.ErrnoException | null;
  readonly bytesRead: number;
}

function readOnce(fd: number, buffer: Buffer, offset: number, length: number): Promise<ReadResult> {
  return new Promise((resolve) => {
    read(fd, buffer, offset, length, null, (error, bytesRead) => resolve({ error, bytesRead }));
  });
}

function readable(poller: Poller): Promise<void> {
  return new Promise((resolve, reject) => {
    poller.once("readable", (error) => (error ? reject(error) : resolve()));
  });
}
