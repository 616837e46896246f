// A NOR flash chip: erasing sets bits by sector, programming only clears them.

export const norSectorBytes = 4096;

export class NorFlash {
  readonly bytes: Uint8Array;
  /** Sectors erased or programmed since the last `forgetTouched()`. */
  readonly touchedSectors = new Set<number>();
  /** Times somebody tried to set a bit by programming; the bit stays 0, as on the chip. */
  violations = 0;
  erases = 0;
  /** Counts operations that may have changed something. */
  changes = 0;
  /** Called when somebody has a checksum made: what was written until then is to last. */
  onDigest: () => void = () => {};

  constructor(sizeBytes: number, content?: Uint8Array) {
    this.bytes = new Uint8Array(sizeBytes).fill(0xff);
    if (content) this.bytes.set(content.subarray(0, sizeBytes));
  }

  /** JEDEC id of a W25Q of this size: manufacturer, type, log2 of the size. */
  get jedecId(): number {
    return 0xef | (0x40 << 8) | (Math.log2(this.bytes.length) << 16);
  }

  forgetTouched(): void {
    this.touchedSectors.clear();
  }

  holds(offset: number, size: number): boolean {
    return size >= 0 && offset >= 0 && offset + size <= this.bytes.length;
  }

  /** Erases every sector that the range touches; returns how many. */
  erase(offset: number, size: number): number {
    this.changes++;
    const first = Math.floor(offset / norSectorBytes);
    const behind = Math.ceil((offset + size) / norSectorBytes);
    for (let sector = first; sector < behind; sector++) this.touchedSectors.add(sector);
    this.bytes.fill(0xff, first * norSectorBytes, behind * norSectorBytes);
    this.erases += behind - first;
    return behind - first;
  }

  program(offset: number, data: Uint8Array): void {
    this.changes++;
    const { bytes } = this;
    let isTouched = false;
    for (let index = 0; index < data.length; index++) {
      const byte = data[index]!;
      const old = bytes[offset + index]!;
      if (byte !== 0xff) isTouched = true;
      if ((old & byte) !== byte) this.violations++;
      bytes[offset + index] = old & byte;
      const isSectorEnd = (offset + index + 1) % norSectorBytes === 0;
      if (!isSectorEnd && index + 1 < data.length) continue;
      if (isTouched) this.touchedSectors.add(Math.floor((offset + index) / norSectorBytes));
      isTouched = false;
    }
  }
}
