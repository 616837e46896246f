/** Device model of the weather station: a warning that cannot wait, readings that fill blocks, and what has time. */
import { defineModel } from "godwit/model/define";
import { batchLimitsProperty } from "godwit/telemetry/batch-limits";

export const weatherModel = defineModel({
  id: "dtmi:com:godwit:WeatherStation;1",
  displayName: "Weather station",
  telemetry: {
    stormWarning: { type: "boolean", priority: "critical" },
    temperature: { type: "double", unit: "degreeCelsius", min: -60, max: 60, resolution: 0.1 },
    humidity: { type: "double", unit: "percent", min: 0, max: 100, resolution: 0.1 },
    pressure: { type: "double", min: 850, max: 1100, resolution: 0.1, epsilon: 0.05 },
    windSpeed: { type: "double", unit: "metrePerSecond", min: 0, max: 100, resolution: 0.1 },
    windDirection: { type: "integer", unit: "degreeOfArc", min: 0, max: 360, priority: "bulk" },
    visibility: {
      type: "double",
      unit: "kilometre",
      min: 0,
      max: 100,
      resolution: 0.1,
      deadband: 0.5,
      priority: "bulk",
    },
  },
  properties: {
    sampleIntervalS: {
      type: "integer",
      unit: "second",
      min: 1,
      max: 3600,
      writable: true,
      default: 1,
    },
    batchLimits: batchLimitsProperty,
  },
  commands: { reboot: {} },
});
