/** Device model of blink: the smallest one with something to set and something to see. */
import { defineModel } from "godwit/model/define";

export const blinkModel = defineModel({
  id: "dtmi:com:godwit:Blink;1",
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
