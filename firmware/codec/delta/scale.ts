// Scale of residuals to residual table (firmware/SPEC.md §6.1).
import { RESIDUAL_STEP } from "./layout.ts";

/** Scales from here on have bits that are sent raw. */
export const WIDE_SCALE = 64;
/** Scales from here on use other tables than those below. */
export const FAR_SCALE = 1024;
/** Offset of the far tables from the near ones. */
export const FAR_TABLES = 2 * RESIDUAL_STEP;
/** Smallest scale of the second table and of each further one; half octaves of the wide scales at the end. */
const LIMITS = [1, 3, 5, 8, 12, 16, 21, 27, 34, 43, 53, 64, 80] as const;

/**
 * Offsets of tables: slot A for a scale A below WIDE_SCALE; for a wider one, divided by a power of two until
 * it lies from 32 to 63, that and 32 more.
 */
export function scaleTables(): Uint16Array {
  const tables = new Uint16Array(96);
  let table = 0;
  for (let i = 0; i < tables.length; i++) {
    if (i === LIMITS[table]) table++;
    tables[i] = table * RESIDUAL_STEP;
  }
  return tables;
}
