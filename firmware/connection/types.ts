/** What the connection room promises to the rooms above it. Types only: nothing of this file reaches a device. */
import type { TlsOptions } from "../ports/socket.ts";

/**
 * - `stopped`: not started, or stopped by the application.
 * - `offline`: waiting for the next attempt (`Connection.nextAttemptMs` tells how long).
 * - `clock`: asking a time source before TLS and tokens can work.
 * - `provisioning`: talking to the provisioning service.
 * - `connecting`: TCP, TLS and CONNECT to the hub.
 * - `connected`: CONNACK received; subscriptions are on their way.
 */
export type ConnectionState =
  | "stopped"
  | "offline"
  | "clock"
  | "provisioning"
  | "connecting"
  | "connected";

/** Why the device is not connected. Each code has one line of explanation and a way out (`faults.ts`). */
export type FaultCode =
  | "configuration"
  | "credentials"
  | "clock"
  | "dns"
  | "network"
  | "timeout"
  | "certificate"
  | "handshake"
  | "hubGone"
  | "throttled"
  | "takeover"
  | "provisioning"
  | "protocol"
  | "closed";

export interface Fault {
  readonly code: FaultCode;
  /** One line for a person: what happened and what to do. Never holds a secret. */
  readonly message: string;
  /** Monotonic time of the event. */
  readonly atMs: number;
}

/** What became of a message: `acknowledged` by the hub, or `dropped` by the outbox's overflow policy or stop(). */
export type Settled = "acknowledged" | "dropped";

/** Overflow drops the oldest `normal` message before it touches a `high` one. */
export type Priority = "normal" | "high";

/** One device-to-cloud message. The connection keeps a reference until it is settled: do not change it. */
export interface OutboundMessage {
  readonly payload: Uint8Array;
  /** Encoded property bag (`encodeBag`); the same string may serve every message of a channel. */
  readonly bag?: string;
  /** When the message came to be, Unix ms: joins the bag when it is sent, so that waiting messages share one bag. */
  readonly createdMs?: number;
  readonly priority?: Priority;
  /** Called exactly once if `send` returned true. May be a prototype method: `this` is the message. */
  onSettled?(outcome: Settled): void;
}

export type OverflowPolicy = "dropOldest" | "refuse";

export interface OutboxLimits {
  readonly bytesMax: number;
  readonly countMax: number;
  readonly overflow: OverflowPolicy;
}

export interface ConnectionOptions {
  /** DTMI announced in CONNECT and to the provisioning service. */
  readonly modelId?: string;
  readonly userAgent?: string;
  /** Default 240, at most 1177 (the hub cuts at 1767 s = 1.5 times that). */
  readonly keepAliveS?: number;
  /** Life of a SAS token, default 3600. The connection is renewed at about 80 % of it. */
  readonly tokenLifeS?: number;
  /** The first connect waits a random part of this, so that a fleet does not start as one. Default 0. */
  readonly firstConnectSpreadMs?: number;
  readonly outbox?: Partial<OutboxLimits>;
  /** Roots for platforms that have no store of their own; `tls.ca` in storage goes first. */
  readonly tls?: TlsOptions;
}

export interface ConnectionHandlers {
  onState?(state: ConnectionState, fault: Fault | undefined): void;
  /**
   * A session begins: what is published here (twin GET) leaves right behind CONNECT and SUBSCRIBE, before the hub
   * has answered. If the hub refuses, it was never sent; the next session calls this again.
   */
  onOpen?(): void;
  /**
   * A twin answer, desired change, method request or cloud-to-device message; `payload` is valid during the call.
   * A message of QoS 1 (`ackToken` not 0) is acknowledged when the handler returns, or throws: a message that the
   * application cannot digest must not block those behind it. Returning false keeps it for `acknowledge`, soon:
   * messages are acknowledged in order, and the hub stops delivering at 16.
   */
  onMessage?(topic: string, payload: Uint8Array, ackToken: number): boolean | undefined;
  /** A message was acknowledged: the outbox has room for another. */
  onRoom?(): void;
}

export interface ConnectionCounters {
  /** Sessions the hub accepted. */
  connects: number;
  /** Attempts that failed and sessions that ended unplanned. */
  failures: number;
  renewals: number;
  provisionings: number;
  acknowledged: number;
  dropped: number;
  /** Exceptions thrown by handlers, contained and logged. */
  handlerErrors: number;
}
