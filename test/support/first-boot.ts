// A board that has counted no boots yet but knows so: its boots are 1, 2, 3, for tests that name them.
import type { KeyValue } from "../../firmware/ports/storage.ts";

/** The next boot is number 1; without this it is any number. */
export function countBoots(storage: KeyValue): void {
  storage.write("boot.id", new Uint8Array(4));
}
