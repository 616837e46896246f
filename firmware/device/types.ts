/** What an author of a device writes against: handlers in, the device out. Types only. */
import type { Connection } from "../connection/connection.ts";
import type { ConnectionOptions, ConnectionState, Fault, Settled } from "../connection/types.ts";
import type {
  CommandName,
  DesiredValue,
  Model,
  Nothing,
  ReportOf,
  RequestOf,
  ResponseOf,
  TelemetryOf,
  ValueOf,
  WritableName,
} from "../model/types.ts";
import type { TelemetryEncoder } from "../telemetry/encoder.ts";
import type { OpenTelemetry } from "../telemetry/path.ts";
import type { Refusal } from "../twin/refusal.ts";
import type { Twin } from "../twin/twin.ts";
import type { CloudMessage } from "./cloud-message.ts";
import type { Periodic, Work } from "./works.ts";

type Later<T> = T | Promise<T>;

/**
 * Called when the value in effect has to change: at boot with the stored value or the default, then whenever the
 * cloud changes it. Return `refuse(status, text)` to keep the old value; a throw counts as `refuse(500, …)`.
 * `version` is 0 for a default and for what was stored.
 */
export type DesiredHandlers<M extends Model> = {
  [K in WritableName<M>]?: (
    value: Exclude<DesiredValue<M, K>, undefined>,
    version: number,
  ) => Later<Refusal | Nothing>;
};

/** The request is checked before the call, the response after it. Return `refuse(status, text)` to say no. */
export type CommandHandlers<M extends Model> = {
  [K in CommandName<M>]: (request: RequestOf<M, K>) => Later<ResponseOf<M, K> | Refusal>;
};

interface CommonOptions<M extends Model> {
  desired?: DesiredHandlers<M>;
  /** The message is acknowledged to the hub when the handler has returned or its promise has settled. */
  onMessage?: (message: CloudMessage) => Later<Nothing>;
  onState?: (state: ConnectionState, fault: Fault | undefined) => Nothing;
  /** Default: JSON. */
  encoder?: TelemetryEncoder;
  /**
   * Batches with store and forward: `batched(deltaEncoding())`. Takes the place of `encoder`; the overflow policy of
   * the outbox is `refuse` then, unless `connection` says otherwise.
   */
  telemetry?: OpenTelemetry;
  connection?: Omit<ConnectionOptions, "modelId">;
  /** An asynchronous command is answered with 504 after this; default 25 s (the hub's own default is 30 s). */
  commandTimeoutMs?: number;
  /** Call desired handlers for every new version that names the property, even when its value is the same. */
  repeatsDesired?: boolean;
}

/** A model with commands cannot be run without their handlers. */
export type DeviceOptions<M extends Model> = CommonOptions<M> &
  (keyof CommandHandlers<M> extends never
    ? { commands?: CommandHandlers<M> }
    : { commands: CommandHandlers<M> });

type PropertiesOf<M> = M extends { properties: infer P } ? P : Record<never, never>;

export interface DeviceCounters {
  /** Samples or single values the model does not allow; they were not sent. */
  invalidValues: number;
  /** Telemetry the outbox refused. */
  refusedMessages: number;
  /** Exceptions and rejections of handlers and periodic work. */
  handlerErrors: number;
  /** Cloud-to-device messages handed to the application. */
  cloudMessages: number;
}

export interface Device<M extends Model> {
  /** Applies the stored desired state, then connects and stays connected. Does nothing when already started. */
  start(): void;
  /** Disconnects and stops periodic work. Queued telemetry waits for the next `start`; batches go to flash. */
  stop(): void;
  /** Stops, then restarts the board. Batches are kept in flash, what only the outbox holds is lost. */
  restart(): void;
  /**
   * Queues telemetry, connected or not. Values that the model does not allow are left out and counted.
   * @returns false if there was nothing valid to send or the outbox refused
   */
  send(values: TelemetryOf<M>, onSettled?: (outcome: Settled) => void): boolean;
  /**
   * Reports properties; merged with other reports, sent when possible, resent until the hub has them.
   * @throws GodwitError `argument` or `limit`, naming the property
   */
  report(values: ReportOf<M>): void;
  /** The value in effect of a writable property, the last reported one of a read-only property. */
  get<K extends keyof PropertiesOf<M> & string>(
    name: K,
  ): K extends WritableName<M> ? DesiredValue<M, K> : ValueOf<PropertiesOf<M>[K]> | undefined;
  /** Runs `work` every `intervalMs`, for the first time one interval from now (or from `start`). */
  every(intervalMs: number, work: Work): Periodic;
  /** Runs `work` once. */
  after(delayMs: number, work: Work): Periodic;
  readonly connection: Connection;
  readonly twin: Twin;
  readonly counters: Readonly<DeviceCounters>;
}
