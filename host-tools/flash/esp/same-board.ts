// One job, one board: ports change names, so every connection of a job has to show the MAC of the first.
import { DeviceError } from "../../serial/error.ts";
import type { EspSession } from "./session.ts";

export class SameBoard {
  #mac: string | undefined;

  constructor(mac?: string) {
    this.#mac = mac;
  }

  /**
   * The MAC behind `session`; the first one asked is the job's.
   * @throws DeviceError `wrong-board` when it is another than before
   */
  async require(session: EspSession, cause?: unknown): Promise<string | undefined> {
    const mac = await session.mac();
    if (this.#mac !== undefined && mac !== this.#mac) {
      const { address } = session.link.source;
      throw new DeviceError(
        "wrong-board",
        `another board came back at ${address}: ${mac ?? "unknown"} instead of ${this.#mac}`,
        { hint: "ports change names: godwit devices, then give the right --port", cause },
      );
    }
    this.#mac = mac;
    return mac;
  }
}
