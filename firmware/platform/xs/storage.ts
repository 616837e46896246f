/** Port KeyValue over `embedded:storage/key-value` (NVS on ESP32). */
import keyValue from "embedded:storage/key-value";
import { GodwitError } from "../../codec/error.ts";
import type { KeyValue } from "../../ports/storage.ts";

const KEY_LENGTH_MAX = 15;

export class XsKeyValue implements KeyValue {
  readonly valueBytesMax: number;
  private readonly store: ReturnType<typeof keyValue.open>;

  /** `path` names the namespace; the largest value differs by target (4000 in NVS). */
  constructor(path: string, valueBytesMax = 4000) {
    this.valueBytesMax = valueBytesMax;
    this.store = keyValue.open({ path, format: "buffer" });
  }

  read(key: string): Uint8Array | undefined {
    const buffer = this.store.read(key);
    return buffer && new Uint8Array(buffer);
  }

  write(key: string, value: Uint8Array): void {
    if (key.length === 0 || key.length > KEY_LENGTH_MAX)
      throw new GodwitError("argument", `key '${key}': 1 to ${KEY_LENGTH_MAX} characters`);
    if (value.length > this.valueBytesMax)
      throw new GodwitError(
        "limit",
        `value of ${value.length} bytes, ${this.valueBytesMax} allowed`,
      );
    try {
      this.store.write(key, value);
    } catch (cause) {
      throw new GodwitError("storage", `${key} not written`, cause);
    }
  }

  delete(key: string): void {
    this.store.delete(key);
  }
}
