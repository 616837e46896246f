/** Port Random over the SDK's `rng`. */
import rng from "rng";
import type { Random } from "../../ports/random.ts";

export const xsRandom: Random = {
  fill(target) {
    target.set(new Uint8Array(rng.get(target.length)));
  },
};
