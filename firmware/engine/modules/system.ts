// Module "system" of the Moddable SDK, as far as godwit uses it.
import { restart } from "./events.ts";

export default {
  /** Ends this run of the board; the embedder decides whether it boots again. Does not return. */
  restart,
};
