/** Port Flash over `embedded:storage/flash`: one data partition. */
import flash from "embedded:storage/flash";
import type { Flash } from "../../ports/flash.ts";

export class XsFlash implements Flash {
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly pageBytes = 256;
  private readonly partition: ReturnType<typeof flash.open>;

  /** @throws if there is no partition of that name. */
  constructor(path: string) {
    this.partition = flash.open({ path });
    const { size, blockLength } = this.partition.status();
    this.sizeBytes = size;
    this.sectorBytes = blockLength;
  }

  read(offset: number, target: Uint8Array): void {
    target.set(new Uint8Array(this.partition.read(target.length, offset)));
  }

  program(offset: number, bytes: Uint8Array): void {
    this.partition.write(bytes, offset);
  }

  erase(sectorIndex: number): void {
    this.partition.eraseBlock(sectorIndex, sectorIndex + 1);
  }
}
