// The one error class of the device: a short code to act on, a message for a person, the cause beneath.

/**
 * What went wrong, for code to branch on:
 * `argument` the caller passed something impossible · `malformed` bytes or text break their format ·
 * `limit` a named maximum would be exceeded · `state` not possible now · `timeout` nobody answered ·
 * `credentials` identity or key refused · `clock` the time is not known or not believed ·
 * `network` no way to the peer · `throttled` told to slow down · `gone` the peer does not exist (any more) ·
 * `storage` a value could not be kept or read back.
 */
export type GodwitErrorCode =
  | "argument"
  | "malformed"
  | "limit"
  | "state"
  | "timeout"
  | "credentials"
  | "clock"
  | "network"
  | "throttled"
  | "gone"
  | "storage";

/** The only error that device code throws on purpose. */
export class GodwitError extends Error {
  code: GodwitErrorCode;

  constructor(code: GodwitErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    // Error.prototype is frozen on a device: assigning `this.name` would throw there, and so would a class
    // field if the compiler turned fields into assignments.
    Object.defineProperty(this, "name", { value: "GodwitError" });
  }
}
