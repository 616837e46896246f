// Numbers shared by both directions of the delta codec: channel kinds, tables, limits (firmware/SPEC.md §2-5).

export const VERSION = 1;

/** Rows and channels that one batch may hold; a decoder refuses more. */
export const ROWS_MAX = 16_384;
export const CHANNELS_MAX = 256;
/** Values that one batch may hold: bounds what a decoder allocates for a few hostile bytes. */
export const CELLS_MAX = 1 << 20;
/** Distinct texts or blobs in one channel of one batch, and bytes of one of them. */
export const ENTRIES_MAX = 4096;
export const ENTRY_BYTES_MAX = 65_535;
/** Bytes of all texts and blobs of one batch. */
export const ENTRIES_BYTES_MAX = 1 << 20;

/** How the values of a channel are made from whole numbers. */
export const NONE = 0;
export const DECIMAL = 1;
export const MEAN = 2;
export const FLOAT_DECIMAL = 3;
export const DIGITS = 4;
/** No kind, and a table has a place for it. */
export const UNUSED = 5;
export const FLOAT32 = 6;
export const FLOAT64 = 7;
export const BOOLEAN = 8;
export const TEXT = 9;
export const BLOB = 10;
/** Kind symbol: the same kind and parameters as the channel before. */
export const SAME = 15;

/** Sample counts of averages: a MEAN value is k / (DIVISORS[i] * 10^d). */
export const DIVISORS = [3, 7, 9, 11, 13];

/** Corrections of single values: 0 none, 1-80 ulp steps (zigzag), then these. */
export const ULP_MAX = 40;
export const NEGATIVE_ZERO = 81;
export const RAW = 82;

/**
 * Residual series stay within so many bits and a sign, those that follow a mean within MEAN_BITS; wider numbers send
 * their low bits raw.
 */
export const SERIES_BITS = 27;
export const MEAN_BITS = 25;
/** So many raw bits of a number go into the tail of the batch. */
export const TAIL_BITS = 16;
/** Whole numbers that are recorded as such have fewer, with their sign. */
export const NARROW_BITS = 24;

/** A value may be said by the number of changes since it was last there, up to this. */
export const CHANGES_MAX = 29;
/** Symbols of CACHE: a residual follows; as before; 1 + d: d changes ago; FAR_CHANGES or more, see CACHE FAR. */
export const MISS = 0;
export const REST = 1;
export const FAR_CHANGES = 14;

/** Symbols of a plain table and of a residual table, which have one slot more before their first symbol. */
export const PLAIN = 16;
export const RESIDUAL = 33;
/** Residual symbols: ZERO + q for q from -16 to 15, and ESCAPE. */
export const ZERO = 16;
export const ESCAPE = 32;
const STEP = PLAIN + 1;

// Plain tables: one per field of the channel description, then flags of single values.
export const T_KIND = 0;
export const T_DECIMALS = STEP;
export const T_FLAGS = 2 * STEP;
export const T_PLAN = 3 * STEP;
export const T_FIRST = 4 * STEP;
export const T_GCD = 5 * STEP;
export const T_SMALL = 6 * STEP;
export const T_LENGTH = 7 * STEP;
export const T_WIDE = 8 * STEP;
export const T_TIME_GCD = 9 * STEP;
export const T_TIME_PLAN = 10 * STEP;
export const T_TIME_FIRST = 11 * STEP;
export const T_ESCAPE = 12 * STEP;
export const T_PRESENT = 13 * STEP;
export const T_EXACT = 16 * STEP;
export const T_ULP = 19 * STEP;
export const T_CACHE = 20 * STEP;
export const T_CACHE_FAR = 24 * STEP;
export const PLAIN_TABLES = 25;

// Residual tables, by the scale of the residuals before.
export const T_RESIDUAL = PLAIN_TABLES * STEP;
export const RESIDUAL_STEP = RESIDUAL + 1;
export const RESIDUAL_TABLES = 16;
export const MODEL_SIZE = T_RESIDUAL + RESIDUAL_TABLES * RESIDUAL_STEP;

/** Plan symbols: the predictor, CACHE_MODE more with changes; CONSTANT ends the series after its first value. */
export const CACHE_MODE = 4;
export const CONSTANT = 8;
