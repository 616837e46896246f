/** SHA-256 from the platform's own implementation; godwit ships no home-made cryptography. */
export interface Hash {
  update(bytes: Uint8Array): Hash;
  /** 32 bytes; the hash cannot be used afterwards. */
  finish(): Uint8Array;
}

export interface Digest {
  sha256(): Hash;
}
