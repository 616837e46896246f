// The firmware's ports in virtual time, for a device that runs in plain Node (unit tests, parity runs).
import type { LogLevel } from "../../firmware/ports/log.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import type { Network, Socket, SocketOptions } from "../../firmware/ports/socket.ts";
import type { TimerHandle } from "../../firmware/ports/timers.ts";
import type { DeviceLink } from "./network.ts";
import { nodeDigestPort } from "./real-platform.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { MemoryKeyValue, NorFlash } from "./storage.ts";
import type { DeviceEnd } from "./stream.ts";
import type { Appointment } from "./virtual-clock.ts";
import type { World } from "./world.ts";

/** The parts of a board that survive a power cut. */
export interface Persistent {
  storage: MemoryKeyValue;
  flash: NorFlash;
}

export interface NodePlatformOptions {
  name: string;
  /** What an earlier life of this board left behind. */
  persistent?: Persistent;
  /** False: the wall clock is unknown at boot, as on a board without a battery. Default true. */
  clockKnown?: boolean;
  timeFloorMs?: number;
  onLog?: (level: LogLevel, text: string) => void;
  onRestart?: () => void;
}

/** One life of a board, from power-on to power-off. */
export class NodePlatform implements Platform {
  readonly name: string;
  readonly storage: MemoryKeyValue;
  readonly flash: NorFlash;
  readonly digest = nodeDigestPort;
  readonly timeFloorMs: number;
  readonly random: SeededRandom;
  readonly clock;
  readonly timers;
  readonly network: Network;
  readonly log: (level: LogLevel, text: string) => void;
  readonly restart: () => void;
  /** Difference between this board's wall clock and the world's; undefined = unknown. */
  wallOffsetMs: number | undefined;
  readonly #world: World;
  readonly #timers = new Set<Appointment>();
  readonly #sockets = new Set<DeviceEnd>();
  #isOn = true;

  constructor(world: World, options: NodePlatformOptions) {
    this.#world = world;
    this.name = options.name;
    this.storage = options.persistent?.storage ?? new MemoryKeyValue();
    this.flash = options.persistent?.flash ?? new NorFlash(64 * 4096);
    this.timeFloorMs = options.timeFloorMs ?? world.epochMs - 86_400_000;
    this.random = world.random.fork(`board ${options.name} at ${world.clock.nowMs}`);
    this.wallOffsetMs = options.clockKnown === false ? undefined : 0;
    this.log = options.onLog ?? (() => {});
    this.restart = options.onRestart ?? (() => {});
    const bootMs = world.clock.nowMs;
    this.clock = {
      ticksMs: () => world.clock.nowMs - bootMs,
      wallMs: () =>
        this.wallOffsetMs === undefined ? undefined : world.wallMs() + this.wallOffsetMs,
      setWallMs: (unixMs: number) => {
        this.wallOffsetMs = unixMs - world.wallMs();
      },
    };
    this.timers = {
      start: (delayMs: number, callback: () => void) => this.#startTimer(delayMs, callback),
      stop: (handle: TimerHandle) => {
        const appointment = handle as Appointment;
        this.#timers.delete(appointment);
        world.clock.cancel(appointment);
      },
    };
    this.network = { connect: (socketOptions) => this.#connect(socketOptions) };
  }

  /** What survives: pass it to the next life. */
  get persistent(): Persistent {
    return { storage: this.storage, flash: this.flash };
  }

  /** Pulls the plug: timers and sockets are gone, nobody is told. */
  powerOff(): void {
    this.#isOn = false;
    for (const timer of this.#timers) this.#world.clock.cancel(timer);
    for (const socket of this.#sockets) socket.vanish();
    this.#timers.clear();
    this.#sockets.clear();
  }

  #startTimer(delayMs: number, callback: () => void): TimerHandle {
    const appointment = this.#world.clock.after(Math.ceil(delayMs), () => {
      this.#timers.delete(appointment);
      if (this.#isOn) callback();
    });
    this.#timers.add(appointment);
    return appointment;
  }

  #connect(options: SocketOptions): Socket {
    const certificate = options.tls.clientCertificates?.[0];
    const link: DeviceLink = {
      name: this.name,
      wallMs: () => this.clock.wallMs(),
      ...(certificate && { clientCertificate: certificate }),
    };
    const network = this.#world.network;
    let end: DeviceEnd | undefined;
    let isClosed = false;
    network.resolve(link, options.host, (address) => {
      if (isClosed || !this.#isOn) return;
      if (address === undefined) {
        options.onError({ code: "dns", message: `no address for ${options.host}` });
        return;
      }
      end = network.connect(link, address, options.port, options);
      this.#sockets.add(end);
    });
    return {
      read: (count) => this.#open(end).read(count),
      write: (bytes) => this.#open(end).write(bytes),
      close: () => {
        isClosed = true;
        if (!end) return;
        this.#sockets.delete(end);
        end.close();
      },
    };
  }

  #open(end: DeviceEnd | undefined): DeviceEnd {
    if (!end) throw new Error("the socket is not open");
    return end;
  }
}
