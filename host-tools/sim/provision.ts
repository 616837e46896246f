// What a factory writes into a board's storage: the credentials a device starts with.
import { encodeUtf8 } from "../../firmware/codec/utf8.ts";
import { STORAGE_KEYS } from "../../firmware/connection/credentials.ts";
import { deriveDeviceKey } from "../../firmware/connection/sas.ts";
import type { Digest } from "../../firmware/ports/digest.ts";
import type { KeyValue } from "../../firmware/ports/storage.ts";

/** Entries of a board's key-value store. */
export type StorageEntries = Readonly<Record<string, Uint8Array>>;

/**
 * A device that registers through a symmetric-key enrollment group (`groupKey`: base64). It gets its own key, never the group's.
 */
export function groupCredentials(
  digest: Digest,
  group: { dpsHost: string; idScope: string; groupKey: string },
  registrationId: string,
): StorageEntries {
  const key = deriveDeviceKey(digest, group.groupKey, registrationId);
  return {
    [STORAGE_KEYS.dpsHost]: encodeUtf8(group.dpsHost),
    [STORAGE_KEYS.scope]: encodeUtf8(group.idScope),
    [STORAGE_KEYS.registrationId]: encodeUtf8(registrationId),
    [STORAGE_KEYS.deviceKey]: encodeUtf8(key),
  };
}

/** A device that is already in its hub's registry. */
export function connectionStringCredentials(connectionString: string): StorageEntries {
  return { [STORAGE_KEYS.connectionString]: encodeUtf8(connectionString) };
}

export function writeEntries(storage: KeyValue, entries: StorageEntries): void {
  for (const [key, value] of Object.entries(entries)) storage.write(key, value);
}
