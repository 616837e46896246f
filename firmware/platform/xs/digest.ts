/** Port Digest over the SDK's `crypt`. */
import { Digest as SdkDigest } from "crypt";
import type { Digest, Hash } from "../../ports/digest.ts";

class XsHash implements Hash {
  private readonly digest = new SdkDigest("SHA256");

  update(bytes: Uint8Array): Hash {
    this.digest.write(bytes);
    return this;
  }

  finish(): Uint8Array {
    return new Uint8Array(this.digest.close());
  }
}

export const xsDigest: Digest = { sha256: () => new XsHash() };
