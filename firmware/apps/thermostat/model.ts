/** Device model of the thermostat: what it measures, what can be set, what it can be asked to do. */
import { defineModel } from "godwit/model/define";

export const thermostatModel = defineModel({
  id: "dtmi:com:godwit:Thermostat;1",
  displayName: "Thermostat",
  telemetry: {
    temperature: { type: "double", unit: "degreeCelsius", min: -40, max: 85, resolution: 0.01 },
    outdoorTemperature: {
      type: "double",
      unit: "degreeCelsius",
      min: -60,
      max: 60,
      resolution: 0.1,
    },
    heaterDuty: { type: "integer", unit: "percent", min: 0, max: 100 },
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
    telemetryIntervalS: {
      type: "integer",
      unit: "second",
      min: 1,
      max: 3600,
      writable: true,
      default: 5,
    },
    maxTempSinceLastReboot: { type: "double", unit: "degreeCelsius", resolution: 0.1 },
    heating: { type: "boolean" },
  },
  commands: {
    getMaxMinReport: {
      response: {
        type: "object",
        fields: {
          maxTemp: { type: "double" },
          minTemp: { type: "double" },
          avgTemp: { type: "double" },
          seconds: { type: "integer" },
        },
      },
    },
    reboot: { request: { type: "integer", unit: "second", min: 0, max: 3600 } },
  },
});
