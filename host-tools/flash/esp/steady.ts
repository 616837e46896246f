// One job's connection over breaks: the same loader if it still answers, a new session otherwise, the same board always.
import { type DeviceError, isDeviceError } from "../../serial/error.ts";
import { SameBoard } from "./same-board.ts";
import type { EspSession } from "./session.ts";
import { stillThere } from "./write-block.ts";

/** Attempts in a row that change nothing before giving up. */
export const fruitlessMax = 4;

/** After these a new connection may help. */
export const recoverable = [
  "no-reply",
  "refused",
  "port-gone",
  "no-device",
  "stub-failed",
  "lost-bootloader",
  "no-bootloader",
  "app-running",
  "unknown-chip",
] as const;

export interface SteadyOptions {
  /** Opens a new session after the board was lost. */
  readonly reconnect: () => Promise<EspSession>;
  /** Hears of every break before it is mended; what it throws ends the job. */
  readonly onBreak: (reason: DeviceError) => void;
}

export class SteadySession {
  #session: EspSession;
  readonly #mac: string | undefined;
  readonly #options: SteadyOptions;
  #recoveries = 0;

  /** `mac` is compared after every reconnect, so that a swapped port is noticed before it is written. */
  constructor(session: EspSession, mac: string | undefined, options: SteadyOptions) {
    this.#session = session;
    this.#mac = mac;
    this.#options = options;
  }

  /** The session that is open now; a reconnect replaces it. */
  get session(): EspSession {
    return this.#session;
  }

  get recoveries(): number {
    return this.#recoveries;
  }

  /** Runs `work`, recovering the connection as often as the line allows. */
  async persist<T>(work: (session: EspSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.#session);
      } catch (error) {
        if (attempt === fruitlessMax || !isDeviceError(error, ...recoverable)) throw error;
        await this.recover(error);
      }
    }
  }

  /** Brings the connection back: the same loader if it still answers, a fresh one otherwise. */
  async recover(reason: DeviceError): Promise<void> {
    this.#options.onBreak(reason);
    this.#recoveries++;
    const { link, isStub } = this.#session;
    if (link.port && (await stillThere(this.#session, isStub, this.#mac))) return;
    await this.#session.close();
    this.#session = await this.#options.reconnect();
    try {
      await new SameBoard(this.#mac).require(this.#session, reason);
    } catch (error) {
      await this.#session.close();
      throw error;
    }
  }
}
