// What the cloud may set, and what it sees.
import { defineModel } from "godwit/model/define";

export const model = defineModel({
  id: "dtmi:com:example:Blink;1",
  properties: {
    periodMs: {
      type: "integer",
      unit: "millisecond",
      min: 100,
      max: 600_000,
      writable: true,
      default: 5000,
    },
    led: { type: "boolean" },
  },
});
