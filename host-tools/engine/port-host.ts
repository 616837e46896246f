// A board's outside world made of the firmware's ports: any Platform (real time or virtual) can carry a board.
import { createHash, type Hash } from "node:crypto";
import { ops, storageStatus } from "../../firmware/engine/modules/ops.ts";
import type { Clock } from "../../firmware/ports/clock.ts";
import type { Flash } from "../../firmware/ports/flash.ts";
import type { Random } from "../../firmware/ports/random.ts";
import type { Network, Socket, SocketOptions } from "../../firmware/ports/socket.ts";
import type { KeyValue } from "../../firmware/ports/storage.ts";
import type { TimerHandle, Timers } from "../../firmware/ports/timers.ts";
import type { Board } from "./board.ts";
import { type BoardEvent, boardEvents, MalformedRequest, RequestReader } from "./board-ops.ts";
import type { BoardHost, BoardLogLevel, BoardStatus } from "./board-types.ts";

export interface PortHostOptions {
  clock: Clock;
  timers: Timers;
  /** TLS sockets; the board's TLS is terminated here, certificates are verified by the port. */
  network: Network;
  random: Random;
  log(level: BoardLogLevel, text: string): void;
  /** Key-value stores by path. */
  storage: (path: string) => KeyValue & { keys?(): Iterable<string> };
  /** Flash partitions by path. */
  flash?: (path: string) => Flash | undefined;
  /** Plain TCP, for apps that use it. */
  tcp?: (options: Omit<SocketOptions, "tls">) => Socket;
  /** Answers the board's DNS requests; without it names resolve to themselves (TLS sockets go by name anyway). */
  resolve?: (host: string, done: (address: string | undefined) => void) => void;
  /** Called after every turn that ended the board (restart, exception, out of memory, …). */
  onEnd?: (status: BoardStatus) => void;
}

const digests: Record<string, string> = {
  MD5: "md5",
  SHA1: "sha1",
  SHA256: "sha256",
  SHA384: "sha384",
  SHA512: "sha512",
};

interface RunningTimer {
  handle: TimerHandle;
  repeatMs: number;
}

/** Connects one board to ports. Make the board with it as `host`, then `attach` the board. */
export class PortHost implements BoardHost {
  #options: PortHostOptions;
  #board: Board | undefined;
  #timers = new Map<number, RunningTimer>();
  #sockets = new Map<number, Socket>();
  #digests = new Map<number, Hash>();
  #nextDigest = 1;
  #isOver = false;

  constructor(options: PortHostOptions) {
    this.#options = options;
  }

  attach(board: Board): void {
    this.#board = board;
  }

  /** Pulls the plug: timers and sockets go, nothing reaches the board any more. */
  powerOff(): void {
    this.#isOver = true;
    for (const timer of this.#timers.values()) this.#options.timers.stop(timer.handle);
    for (const socket of this.#sockets.values()) socket.close();
    this.#timers.clear();
    this.#sockets.clear();
    this.#digests.clear();
  }

  now(): number {
    return this.#options.clock.ticksMs();
  }

  random(): number {
    const bytes = new Uint8Array(4);
    this.#options.random.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  log(level: BoardLogLevel, text: string): void {
    this.#options.log(level, text);
  }

  startTimer(id: number, delayMs: number, repeatMs: number): void {
    this.stopTimer(id);
    const fire = () => {
      const timer = this.#timers.get(id);
      if (!timer) return;
      // Started again before the callback: the board may stop or change it there.
      if (timer.repeatMs > 0) timer.handle = this.#options.timers.start(timer.repeatMs, fire);
      else this.#timers.delete(id);
      this.#turn((board) => board.fireTimer(id));
    };
    const handle = this.#options.timers.start(delayMs, fire);
    this.#timers.set(id, { handle, repeatMs });
  }

  stopTimer(id: number): void {
    const timer = this.#timers.get(id);
    if (timer) this.#options.timers.stop(timer.handle);
    this.#timers.delete(id);
  }

  call(operation: number, bytes: Uint8Array): Uint8Array | undefined {
    const handler = this.#handlers[operation];
    if (!handler) throw new MalformedRequest(`no operation ${operation}`);
    const answer = handler(new RequestReader(bytes));
    return answer instanceof Uint8Array ? answer : undefined;
  }

  #handlers: Record<number, (request: RequestReader) => unknown> = {
    [ops.tcpOpen]: (request) => this.#open(request),
    [ops.tcpWrite]: (request) => this.#socket(request)?.write(request.rest().slice()),
    [ops.tcpRead]: (request) => this.#socket(request)?.read(request.u32()),
    [ops.tcpClose]: (request) => {
      const id = request.u32();
      this.#sockets.get(id)?.close();
      this.#sockets.delete(id);
    },
    [ops.dnsResolve]: (request) => this.#resolve(request.u32(), request.name()),
    [ops.keyValueRead]: (request) => this.#store(request).read(request.name()),
    [ops.keyValueWrite]: (request) => {
      const store = this.#store(request);
      const key = request.name();
      return status(() => store.write(key, request.rest().slice()), storageStatus.full);
    },
    [ops.keyValueDelete]: (request) => this.#store(request).delete(request.name()),
    [ops.keyValueKeys]: (request) => packKeys(this.#store(request).keys?.() ?? []),
    [ops.flashStatus]: (request) => {
      const flash = this.#options.flash?.(request.name());
      return flash && u32s(flash.sizeBytes, flash.sectorBytes);
    },
    [ops.flashRead]: (request) => {
      const flash = this.#flash(request);
      const offset = request.u32();
      const count = request.u32();
      if (offset + count > flash.sizeBytes) throw new MalformedRequest("beyond the partition");
      const target = new Uint8Array(count);
      flash.read(offset, target);
      return target;
    },
    [ops.flashWrite]: (request) => {
      const flash = this.#flash(request);
      const offset = request.u32();
      return status(() => program(flash, offset, request.rest()), storageStatus.refused);
    },
    [ops.flashErase]: (request) => {
      const flash = this.#flash(request);
      const first = request.u32();
      const count = request.u32();
      return status(() => {
        for (let sector = first; sector < first + count; sector++) flash.erase(sector);
      }, storageStatus.refused);
    },
    [ops.digestOpen]: (request) => {
      const name = digests[request.name()];
      if (!name) return undefined;
      this.#digests.set(this.#nextDigest, createHash(name));
      return u32s(this.#nextDigest++);
    },
    [ops.digestWrite]: (request) => {
      this.#digests.get(request.u32())?.update(request.rest());
    },
    [ops.digestClose]: (request) => {
      const handle = request.u32();
      const hash = this.#digests.get(handle);
      this.#digests.delete(handle);
      return hash && new Uint8Array(hash.digest());
    },
    [ops.timeSet]: (request) => this.#options.clock.setWallMs(request.f64()),
  };

  #socket(request: RequestReader): Socket | undefined {
    return this.#sockets.get(request.u32());
  }

  #store(request: RequestReader) {
    return this.#options.storage(request.name());
  }

  #flash(request: RequestReader): Flash {
    const flash = this.#options.flash?.(request.name());
    if (!flash) throw new MalformedRequest("no such partition");
    return flash;
  }

  #open(request: RequestReader): void {
    const id = request.u32();
    const isSecure = request.u8() === 1;
    const port = request.u16();
    const host = request.name();
    const address = request.name();
    const handlers = {
      host: host || address,
      port,
      onReadable: (count: number) => this.#deliver(boardEvents.tcpReadable(id, count)),
      onWritable: (count: number) => this.#deliver(boardEvents.tcpWritable(id, count)),
      onError: (error: Parameters<SocketOptions["onError"]>[0]) => {
        this.#sockets.delete(id);
        this.#deliver(boardEvents.tcpError(id, error.code, error.message));
      },
    };
    if (isSecure) {
      const [roots, clientCertificates, [clientKey]] = [
        request.blobs(),
        request.blobs(),
        request.blobs(),
      ];
      const tls = { roots, clientCertificates, ...(clientKey ? { clientKey } : {}) };
      this.#sockets.set(id, this.#options.network.connect({ ...handlers, tls }));
    } else if (this.#options.tcp) this.#sockets.set(id, this.#options.tcp(handlers));
    else this.#later(() => handlers.onError({ code: "unreachable", message: "no plain TCP here" }));
  }

  #resolve(id: number, host: string): void {
    const done = (address: string | undefined) =>
      this.#deliver(
        address === undefined
          ? boardEvents.dnsError(id, `no address for ${host}`)
          : boardEvents.dnsResolved(id, address),
      );
    if (this.#options.resolve) this.#options.resolve(host, done);
    else this.#later(() => done(host));
  }

  /** From inside a call nothing may enter the board: events wait for the next turn. */
  #later(action: () => void): void {
    this.#options.timers.start(0, action);
  }

  #deliver(event: BoardEvent): void {
    this.#turn((board) => board.deliver(event.operation, event.bytes));
  }

  #turn(action: (board: Board) => BoardStatus): void {
    if (this.#isOver || !this.#board) return;
    const result = action(this.#board);
    if (result.state === "running") return;
    this.#isOver = true;
    // First the owner, who may let sockets vanish as on a chip; what is left then is closed politely.
    this.#options.onEnd?.(result);
    this.powerOff();
  }
}

/** Ports program at most a page at a time. */
function program(flash: Flash, offset: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const room = flash.pageBytes - ((offset + at) % flash.pageBytes);
    const part = bytes.subarray(at, at + room);
    flash.program(offset + at, part);
    at += part.length;
  }
}

function status(action: () => void, failure: number): Uint8Array {
  try {
    action();
    return new Uint8Array([storageStatus.ok]);
  } catch {
    return new Uint8Array([failure]);
  }
}

function u32s(...numbers: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

function packKeys(keys: Iterable<string>): Uint8Array {
  const parts: number[] = [];
  for (const key of keys) {
    const bytes = new TextEncoder().encode(key);
    parts.push(bytes.length, ...bytes);
  }
  return new Uint8Array(parts);
}
