// Connection strings of IoT Hub: `Key=Value` pairs joined by semicolons; values may contain `=`.
import { UserError } from "../user-error.ts";

/** Name and key of a shared access policy, with the hub they belong to. */
export interface ServiceConnection {
  /** Host with port when it is not the service's own. */
  readonly hostName: string;
  readonly policy: string;
  readonly key: string;
}

const longest = 2048;

/**
 * Reads the connection string of a policy.
 * @throws UserError naming the missing field, never showing the string.
 */
export function parseServiceConnection(text: string): ServiceConnection {
  const fields = new Map<string, string>();
  for (const pair of text.slice(0, longest).split(";")) {
    const at = pair.indexOf("=");
    if (at > 0) fields.set(pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim());
  }
  const need = (name: string): string => {
    const value = fields.get(name.toLowerCase());
    if (value) return value;
    throw new UserError(`the connection string has no ${name}`, {
      code: "connection-string",
      hint: "use the line that `godwit hub` prints as its owner connection string",
    });
  };
  return {
    hostName: need("HostName"),
    policy: need("SharedAccessKeyName"),
    key: need("SharedAccessKey"),
  };
}

/** Connection string of a device with a symmetric key. */
export function deviceConnectionString(host: string, deviceId: string, key: string): string {
  return `HostName=${host};DeviceId=${deviceId};SharedAccessKey=${key}`;
}

/** Connection string of a device with a certificate. */
export function x509ConnectionString(host: string, deviceId: string): string {
  return `HostName=${host};DeviceId=${deviceId};x509=true`;
}
