/** Ports Digest and Random over the SDK's `crypt` and `rng`. */
import { Digest as SdkDigest } from "crypt";
import rng from "rng";
import type { Digest, Hash } from "../../ports/digest.ts";
import type { Random } from "../../ports/random.ts";

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

export const xsCrypto: Digest & Random = {
  sha256: () => new XsHash(),
  fill(target) {
    target.set(new Uint8Array(rng.get(target.length)));
  },
};
