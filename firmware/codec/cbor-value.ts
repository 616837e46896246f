// What CBOR carries for godwit: the JSON data model plus byte strings (RFC 8949 §6).

export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue };

/** Arrays and maps inside one another; deeper values are refused both ways. */
export const CBOR_DEPTH_MAX = 16;

/** Values in one item, keys included, both ways: bounds the memory that few bytes can claim. */
export const CBOR_ITEMS_MAX = 4096;
