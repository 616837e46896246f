// What the device tells the cloud, what the cloud may set, and what it may ask for.
import { defineModel } from "godwit/model/define";

export const model = defineModel({
  id: "dtmi:com:example:Thermostat;1",
  telemetry: {
    temperature: { type: "double", unit: "degreeCelsius", min: -40, max: 85, resolution: 0.1 },
  },
  properties: {
    targetTemperature: {
      type: "double",
      unit: "degreeCelsius",
      min: 5,
      max: 30,
      writable: true,
      default: 20,
    },
    heating: { type: "boolean" },
  },
  commands: {
    restart: {},
  },
});
