/** Raw NOR flash: erase sets bits to 1 by sector, programming only clears bits. */
export interface Flash {
  readonly sizeBytes: number;
  /** Erase unit, usually 4096. */
  readonly sectorBytes: number;
  /** Largest single program operation, usually 256; must not cross a multiple of itself. */
  readonly pageBytes: number;
  read(offset: number, target: Uint8Array): void;
  program(offset: number, bytes: Uint8Array): void;
  erase(sectorIndex: number): void;
}
