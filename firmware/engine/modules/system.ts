// Module "system" of the Moddable SDK, as far as godwit uses it: a global, not an export.
import { restart } from "./events.ts";

const System = {
  /** Ends this run of the board; the embedder decides whether it boots again. Does not return. */
  restart,
};

(globalThis as { System?: typeof System }).System = System;

export default System;
