// A fleet's hub as its users see it: telemetry and connection states in, twins, methods and messages out.
import { createInterface } from "node:readline";
import { encodePercent } from "../../firmware/codec/percent.ts";
import type { HttpsClient } from "../hub/service-client.ts";
import type { Fleet } from "./fleet.ts";
import { type BoardView, historyMax, latestMax } from "./fleet-view.ts";

/** A line of the hub's `/events`. */
interface EventLine {
  readonly source: string;
  readonly deviceId: string;
  readonly body?: unknown;
  readonly bodyBase64?: string;
  readonly properties: Readonly<Record<string, string | null>>;
}

export interface FleetHubOptions {
  client: HttpsClient;
  fleet: Fleet;
  onEvent?: (event: HubFleetEvent) => void;
}

export type HubFleetEvent =
  | { event: "connected" | "disconnected"; board: string }
  | { event: "telemetry"; board: string; body: unknown; bytes: number }
  | { event: "twin"; board: string; reported: unknown }
  | { event: "method"; board: string; name: string; status: number; payload: unknown };

export class FleetHub {
  readonly #options: FleetHubOptions;
  readonly #stop = new AbortController();
  /** Twins being read; true: it changed meanwhile and is read again. */
  readonly #twinReads = new Map<string, boolean>();
  /** Boards that connected at least once. */
  readonly connected = new Set<string>();
  #watching: Promise<void> | undefined;

  constructor(options: FleetHubOptions) {
    this.#options = options;
  }

  /** Follows the hub's events until `close`. Resolves when the hub has begun to tell. */
  async watch(): Promise<void> {
    const stream = await this.#options.client.stream("/events?follow=true", this.#stop.signal);
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => this.#line(line));
    this.#watching = new Promise((resolve) => {
      lines.once("close", () => {
        // Ended by the hub: whoever watches must not take silence for peace.
        if (!this.#stop.signal.aborted)
          this.#options.fleet.log("hub", "error", "the hub has stopped telling its events");
        resolve();
      });
      stream.on("error", () => lines.close());
      lines.on("error", () => lines.close());
    });
  }

  #line(text: string): void {
    let line: EventLine | { lost: number };
    try {
      line = JSON.parse(text) as typeof line;
    } catch {
      // The stream was cut within a line.
      return;
    }
    if ("lost" in line) this.#options.fleet.log("hub", "warn", `${line.lost} events missed`);
    else this.#receive(line);
  }

  /** Merges desired properties into a board's twin. */
  async setDesired(id: string, desired: Readonly<Record<string, unknown>>): Promise<void> {
    const { client, fleet } = this.#options;
    await client.call("PATCH", `/twins/${encodePercent(id)}`, {
      body: { properties: { desired } },
    });
    fleet.view.twinPatches++;
    fleet.log("hub", "info", `desired of ${id}: ${JSON.stringify(desired)}`);
    await this.#readTwin(id);
  }

  /** Calls a direct method. @throws UserError when the board is offline or does not answer. */
  async invoke(id: string, methodName: string, payload: unknown): Promise<void> {
    const { client, fleet, onEvent } = this.#options;
    const result = (await client.call("POST", `/twins/${encodePercent(id)}/methods`, {
      body: { methodName, payload, responseTimeoutInSeconds: 10 },
      timeoutMs: 15_000,
    })) as { status: number; payload: unknown };
    fleet.view.methods++;
    fleet.log(
      "hub",
      "info",
      `${id}.${methodName} = ${result.status} ${JSON.stringify(result.payload)}`,
    );
    onEvent?.({ event: "method", board: id, name: methodName, ...result });
  }

  /** Queues a cloud-to-device message. */
  async send(id: string, text: string): Promise<void> {
    await this.#options.client.call("POST", `/devices/${encodePercent(id)}/messages/deviceBound`, {
      body: new TextEncoder().encode(text),
    });
    this.#options.fleet.log("hub", "info", `message to ${id}: ${text}`);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  #receive(line: EventLine): void {
    const board = this.#options.fleet.board(line.deviceId);
    if (!board) return;
    if (line.source === "Telemetry") this.#telemetry(board, line);
    else if (line.source === "deviceConnectionStateEvents") this.#connection(board, line);
    else if (line.source === "twinChangeEvents") void this.#readTwin(board.id);
  }

  #telemetry(board: BoardView, line: EventLine): void {
    const bytes =
      line.bodyBase64 === undefined
        ? Buffer.byteLength(JSON.stringify(line.body))
        : Buffer.byteLength(line.bodyBase64, "base64");
    board.messages++;
    board.bytes += bytes;
    board.isConnected = true;
    this.connected.add(board.id);
    if (typeof line.body === "object" && line.body !== null) {
      for (const [name, value] of Object.entries(line.body))
        if (typeof value === "number" && hasRoom(board.latest, name)) board.latest[name] = value;
    }
    const first = Object.values(board.latest)[0];
    if (first !== undefined) board.history.push(first);
    if (board.history.length > historyMax) board.history.shift();
    this.#options.onEvent?.({ event: "telemetry", board: board.id, body: line.body, bytes });
  }

  #connection(board: BoardView, line: EventLine): void {
    board.isConnected = line.properties.opType === "deviceConnected";
    if (board.isConnected) this.connected.add(board.id);
    const event = board.isConnected ? "connected" : "disconnected";
    this.#options.fleet.log("hub", "info", `${board.id} ${event}`);
    this.#options.onEvent?.({ event, board: board.id });
    if (board.isConnected) void this.#readTwin(board.id);
  }

  /** Reads a twin for the screen; several changes in a row cost two reads at most. */
  async #readTwin(id: string): Promise<void> {
    if (this.#twinReads.has(id)) {
      this.#twinReads.set(id, true);
      return;
    }
    const { fleet, onEvent } = this.#options;
    try {
      do {
        this.#twinReads.set(id, false);
        const reported = await this.#fetchTwin(id);
        onEvent?.({ event: "twin", board: id, reported });
      } while (this.#twinReads.get(id));
    } catch (error) {
      // A hub that is going away is no news; anything else belongs on screen.
      if (!this.#stop.signal.aborted)
        fleet.log("hub", "warn", `twin of ${id} not read: ${(error as Error).message}`);
    } finally {
      this.#twinReads.delete(id);
    }
  }

  async #fetchTwin(id: string): Promise<object> {
    const { client, fleet } = this.#options;
    const twin = (await client.call("GET", `/twins/${encodePercent(id)}`)) as {
      properties: { desired: object; reported: object };
    };
    const reported = plain(twin.properties.reported);
    const board = fleet.board(id);
    if (board) {
      board.desired = plain(twin.properties.desired);
      board.reported = reported;
    }
    return reported;
  }
}

/** A device may send any names; a screen needs a few. */
function hasRoom(latest: object, name: string): boolean {
  return Object.hasOwn(latest, name) || Object.keys(latest).length < latestMax;
}

function plain(section: object): object {
  return Object.fromEntries(Object.entries(section).filter(([key]) => !key.startsWith("$")));
}
