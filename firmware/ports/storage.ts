/** Small persistent values (NVS on ESP32). Power-safe: a write is either done or not. */
export interface KeyValue {
  /** The stored bytes, or undefined. `key` is at most 15 characters (NVS). */
  read(key: string): Uint8Array | undefined;
  /** @throws if the store is full or the value is longer than `valueBytesMax`. */
  write(key: string, value: Uint8Array): void;
  delete(key: string): void;
  readonly valueBytesMax: number;
}
