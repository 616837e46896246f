// IoT Hub's error codes (docs "Understand and resolve IoT Hub errors"); one class, classified by code.

/** Code → HTTP status and the name that stands in `ErrorCode:{name}`. */
const CODES = {
  400004: { status: 400, name: "ArgumentInvalid" },
  400006: { status: 400, name: "DeviceMessageTooLarge" },
  400027: { status: 400, name: "ConnectionForcefullyClosedOnNewConnection" },
  400029: { status: 400, name: "ConnectionForcefullyClosedOnFaultInjection" },
  401002: { status: 401, name: "IotHubUnauthorizedAccess" },
  401003: { status: 401, name: "IotHubUnauthorized" },
  403002: { status: 403, name: "IotHubQuotaExceeded" },
  403004: { status: 403, name: "DeviceMaximumQueueDepthExceeded" },
  403010: { status: 403, name: "OperationNotAvailableInCurrentTier" },
  403012: { status: 403, name: "DeviceDisabled" },
  404001: { status: 404, name: "DeviceNotFound" },
  404010: { status: 404, name: "ModuleNotFound" },
  404012: { status: 404, name: "HubFailingOver" },
  404103: { status: 404, name: "DeviceNotOnline" },
  404104: { status: 404, name: "DeviceConnectionClosedRemotely" },
  409001: { status: 409, name: "DeviceAlreadyExists" },
  409301: { status: 409, name: "ModuleAlreadyExistsOnDevice" },
  412001: { status: 412, name: "PreconditionFailed" },
  412002: { status: 412, name: "DeviceMessageLockLost" },
  413001: { status: 413, name: "MessageTooLarge" },
  429001: { status: 429, name: "ThrottlingException" },
  500001: { status: 500, name: "ServerError" },
  504101: { status: 504, name: "GatewayTimeout" },
} as const;

export type HubErrorCode = keyof typeof CODES;

/** A refusal by the hub. `message` explains more than the cloud does; it never holds a key or a token. */
export class HubError extends Error {
  readonly code: HubErrorCode;
  /** HTTP status, also used in twin responses. */
  readonly status: number;
  /** The service's name for the code, e.g. `DeviceNotFound`. */
  readonly codeName: string;
  /** Seconds to wait, where the refusal is temporary. */
  readonly retryAfterS: number | undefined;

  constructor(
    code: HubErrorCode,
    message: string,
    options?: { retryAfterS?: number; cause?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = CODES[code].status;
    this.codeName = CODES[code].name;
    this.retryAfterS = options?.retryAfterS;
  }
}
