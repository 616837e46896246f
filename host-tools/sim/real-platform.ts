// The firmware's ports in real time on this PC: Node's clock, timers, randomness and TLS sockets.
import { createHash, randomFillSync } from "node:crypto";
import type { Clock } from "../../firmware/ports/clock.ts";
import type { Digest, Hash } from "../../firmware/ports/digest.ts";
import type { Log } from "../../firmware/ports/log.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import type { Random } from "../../firmware/ports/random.ts";
import type { Network } from "../../firmware/ports/socket.ts";
import type { TimerHandle, Timers } from "../../firmware/ports/timers.ts";
import { MemoryKeyValue, NorFlash } from "./storage.ts";
import { type SocketOwner, TlsSocket } from "./tls-socket.ts";

export interface RealPlatformOptions {
  /** Trusted roots, PEM, where the device brings none of its own: what a board has in its image. */
  roots: string;
  storage?: MemoryKeyValue;
  flash?: NorFlash;
  log?: Log;
  onRestart?: () => void;
}

const flashBytes = 64 * 4096;
/** Longest delay Node's timers take. */
const delayMaxMs = 0x7fffffff;

export const nodeDigestPort: Digest = {
  sha256() {
    const inner = createHash("sha256");
    const hash: Hash = {
      update(bytes) {
        inner.update(bytes);
        return hash;
      },
      finish: () => new Uint8Array(inner.digest()),
    };
    return hash;
  },
};

/** One life of a board in real time, from power-on to power-off. */
export class RealPlatform implements Platform, SocketOwner {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly network: Network;
  readonly storage: MemoryKeyValue;
  readonly flash: NorFlash;
  readonly random: Random = { fill: (target) => void randomFillSync(target) };
  readonly digest = nodeDigestPort;
  readonly log: Log;
  readonly restart: () => void;
  readonly timeFloorMs = Date.UTC(2025, 11, 1);
  readonly roots: string;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #sockets = new Set<TlsSocket>();
  #wallOffsetMs = 0;
  #isCut = false;

  constructor(options: RealPlatformOptions) {
    this.roots = options.roots;
    this.storage = options.storage ?? new MemoryKeyValue();
    this.flash = options.flash ?? new NorFlash(flashBytes);
    this.log = options.log ?? (() => {});
    this.restart = options.onRestart ?? (() => {});
    const bootMs = performance.now();
    this.clock = {
      ticksMs: () => performance.now() - bootMs,
      wallMs: () => this.wallMs(),
      setWallMs: (unixMs) => {
        this.#wallOffsetMs = unixMs - Date.now();
      },
    };
    this.timers = {
      start: (delayMs, callback) => this.#startTimer(delayMs, callback),
      stop: (handle: TimerHandle) => {
        this.#timers.delete(handle as NodeJS.Timeout);
        clearTimeout(handle as NodeJS.Timeout);
      },
    };
    this.network = {
      connect: (socketOptions) => {
        const socket = new TlsSocket(this, socketOptions);
        this.#sockets.add(socket);
        return socket;
      },
    };
  }

  wallMs(): number {
    return Date.now() + this.#wallOffsetMs;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  forget(socket: TlsSocket): void {
    this.#sockets.delete(socket);
  }

  /** Cuts or restores the network: while cut, nothing leaves or arrives and connecting takes for ever. */
  setCut(isCut: boolean): void {
    if (isCut === this.#isCut) return;
    this.#isCut = isCut;
    for (const socket of [...this.#sockets]) {
      if (isCut) socket.cut();
      else socket.resume();
    }
  }

  /** Pulls the plug: nothing is called back any more, sockets are reset without goodbye. */
  powerOff(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of [...this.#sockets]) socket.vanish();
    this.#timers.clear();
    this.#sockets.clear();
  }

  #startTimer(delayMs: number, callback: () => void): TimerHandle {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        callback();
      },
      Math.min(Math.ceil(delayMs), delayMaxMs),
    );
    this.#timers.add(timer);
    return timer;
  }
}
