// The verbs: name, one line of help, and the module that is loaded when the verb is used.
import type { Verb } from "./command.ts";

export const verbs: Readonly<Record<string, Verb>> = {
  doctor: {
    summary: "check this machine and say what to do",
    load: () => import("./commands/doctor.ts"),
  },
};
