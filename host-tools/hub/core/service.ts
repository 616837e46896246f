// The service side of the hub: what the HTTPS API, the command line and tests may ask of it.
import type { HubEvent, Properties } from "./event.ts";
import type { Identity, IdentityActivity, IdentityName, IdentitySpec } from "./identity.ts";
import type { Json, JsonObject } from "./json.ts";

/** Identity operations. Every refusal is a `HubError` (404001, 409001, 412001, 400004, 429001). */
export interface RegistryService {
  create(spec: IdentitySpec): Identity;
  /** Replaces status, authentication and capabilities. `etag` undefined or `*`: whatever stands there. */
  update(spec: IdentitySpec, etag?: string): Identity;
  remove(name: IdentityName, etag?: string): void;
  find(name: IdentityName): Identity | undefined;
  /** @throws HubError 404001 or 404010. */
  get(name: IdentityName): Identity;
  /** Devices (no modules), ordered by id. */
  devices(): Iterable<Identity>;
  modules(deviceId: string): Iterable<Identity>;
  activity(name: IdentityName): IdentityActivity;
  count(): { total: number; enabled: number; disabled: number };
}

/** A twin as the service sees it; `$metadata` and `$version` stand inside desired and reported. */
export interface TwinView {
  deviceId: string;
  moduleId?: string;
  modelId?: string;
  /** Grows on any change. */
  version: number;
  /** Covers tags and desired. Unquoted. */
  etag: string;
  tags: JsonObject;
  properties: { desired: JsonObject; reported: JsonObject };
}

export interface TwinPatch {
  tags?: JsonObject | null;
  desired?: JsonObject | null;
}

/** Twins. Refusals: 404001, 412001, 400004 (limits of size, depth, keys, numbers), 429001. */
export interface TwinService {
  read(name: IdentityName): TwinView;
  /** The same without charging a read: queries are charged as queries. */
  view(name: IdentityName): TwinView;
  /** RFC 7396 merge of tags and desired; null deletes. Tells a subscribed device. */
  patch(name: IdentityName, patch: TwinPatch, etag?: string): TwinView;
  /** Replaces what the patch names as a whole. */
  replace(name: IdentityName, patch: TwinPatch, etag?: string): TwinView;
}

export interface MethodCall {
  methodName: string;
  /** Any JSON; undefined sends an empty body. */
  payload?: Json | undefined;
  /** 5–300, default 30. */
  responseTimeoutInSeconds?: number | undefined;
  /** 0–300, default 0: how long to wait for the device to come online. */
  connectTimeoutInSeconds?: number | undefined;
}

export interface MethodResult {
  status: number;
  payload: Json;
}

export interface MethodService {
  /** Rejects with HubError 404103 (not online), 504101 (no answer in time), 404001, 400004, 413001, 429001. */
  invoke(name: IdentityName, call: MethodCall): Promise<MethodResult>;
}

export type FeedbackMode = "none" | "positive" | "negative" | "full";

export interface CloudMessage {
  body: Uint8Array;
  messageId?: string | undefined;
  correlationId?: string | undefined;
  userId?: string | undefined;
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
  /** Unix ms; default now + the hub's default TTL (1 h). */
  expiresMs?: number | undefined;
  ack?: FeedbackMode | undefined;
  properties?: Properties | undefined;
}

export interface FeedbackRecord {
  originalMessageId: string;
  enqueuedTimeUtc: string;
  statusCode: "Success" | "Expired" | "DeliveryCountExceeded" | "Rejected" | "Purged";
  description: string;
  deviceId: string;
  deviceGenerationId: string;
}

export interface CloudToDeviceService {
  /** Queues a message and returns its message id. Refusals: 404001, 403004 (50 pending), 413001 (64 KB). */
  send(name: IdentityName, message: CloudMessage): string;
  /** Drops everything that is queued; returns how many. */
  purge(name: IdentityName): number;
  /** Feedback batches: 64 records or 15 s, whichever is first. Returns the unsubscribe function. */
  onFeedback(listener: (records: readonly FeedbackRecord[]) => void): () => void;
}

export interface EventService {
  /** Events still in the ring with a sequence number above `afterSequence`, oldest first. */
  read(afterSequence: number, limit: number): readonly HubEvent[];
  /** Called for every event from now on. Returns the unsubscribe function. */
  subscribe(listener: (event: HubEvent) => void): () => void;
  readonly lastSequence: number;
}

/** Rights of a shared access policy. */
export type PolicyRight =
  | "RegistryRead"
  | "RegistryWrite"
  | "ServiceConnect"
  | "DeviceConnect"
  | "EnrollmentRead"
  | "EnrollmentWrite";

export interface SharedAccessPolicy {
  readonly name: string;
  readonly primaryKey: string;
  readonly secondaryKey: string;
  readonly rights: readonly PolicyRight[];
}

export interface PolicyService {
  list(): readonly SharedAccessPolicy[];
  find(name: string): SharedAccessPolicy | undefined;
  /** `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`. A secret: never log it. */
  connectionString(name: string, hostName: string): string;
  /**
   * Checks an `Authorization: SharedAccessSignature …` header against the policies.
   * @throws HubError 401002 or 401003 with an explanation (expired by n s, wrong key, wrong resource…).
   */
  authorize(token: string | undefined, right: PolicyRight): SharedAccessPolicy;
}

/** Faults for tests and for people (`godwit hub`'s fault verbs). A device id of `*` means all of them. */
export interface FaultService {
  /** Closes the socket without a word; the session stays. Returns how many connections closed. */
  drop(deviceId: string): number;
  /** Answers 429 (twins, methods) and shapes or refuses sends for `durationMs`. */
  throttle(deviceId: string, durationMs: number): void;
  /** Treats the current token as expired: 401003 and close. */
  expireToken(deviceId: string): number;
  /** Refuses new connections: CONNACK `returnCode` (3, 4 or 5) for `durationMs`. */
  refuse(deviceId: string, durationMs: number, returnCode?: 3 | 4 | 5): void;
  /** Holds back everything the hub sends to the device by `delayMs` for `durationMs`. */
  delay(deviceId: string, delayMs: number, durationMs: number): void;
  /** Closes every connection and refuses new ones for `durationMs`; queued C2D messages are lost. */
  failOver(durationMs: number): void;
  /** Moves the hub's idea of the time by `skewMs`. */
  skewClock(skewMs: number): void;
  /** Ends every running fault. */
  clear(): void;
}
