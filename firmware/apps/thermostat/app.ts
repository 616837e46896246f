/** Thermostat: measures, heats towards the desired target, reports; offline it keeps working and queues telemetry. */
import { createDevice } from "godwit/device";
import type { CloudMessage } from "godwit/device/cloud-message";
import type { Device, DeviceOptions } from "godwit/device/types";
import type { Periodic } from "godwit/device/works";
import type { Platform } from "godwit/ports/platform";
import { refuse } from "godwit/twin/refusal";
import { Controller } from "./controller.ts";
import { thermostatModel } from "./model.ts";
import { Room } from "./room.ts";

type Model = typeof thermostatModel;

export type ThermostatOptions = Pick<DeviceOptions<Model>, "connection" | "encoder" | "onState"> & {
  /** Time between two measurements; default 1 s. */
  measureIntervalMs?: number;
  /** Seconds of the recorded weather that pass in one second; default 60. */
  replaySpeed?: number;
};

const reportIntervalMs = 60_000;
/** The answer to `reboot` leaves first. */
const rebootDelayMinMs = 1000;

export class Thermostat {
  readonly device: Device<Model>;
  readonly room = new Room();
  readonly controller = new Controller();
  private readonly platform: Platform;
  private readonly sending: Periodic;
  private readonly stepS: number;
  private readonly stepMs: number;
  private steps = 0;
  private sum = 0;
  private max = -Infinity;
  private min = Infinity;

  constructor(platform: Platform, options: ThermostatOptions = {}) {
    const { measureIntervalMs = 1000, replaySpeed = 60, ...others } = options;
    this.platform = platform;
    this.stepMs = measureIntervalMs;
    this.stepS = (measureIntervalMs / 1000) * replaySpeed;
    this.device = createDevice(thermostatModel, platform, {
      ...others,
      desired: {
        targetTemperature: (value) => {
          this.controller.target = value;
        },
        telemetryIntervalS: (value) => {
          this.sending.intervalMs = value * 1000;
        },
      },
      commands: {
        getMaxMinReport: () => this.maxMinReport(),
        reboot: (delayS) => {
          const delayMs = Math.max(rebootDelayMinMs, delayS * 1000);
          this.device.after(delayMs, () => platform.restart());
        },
      },
      onMessage: (message) => this.onMessage(message),
    });
    this.device.every(measureIntervalMs, () => this.measure());
    this.sending = this.device.every(5000, () => this.send());
    this.device.every(reportIntervalMs, () => this.reportMax());
  }

  private measure(): void {
    const { room, controller } = this;
    room.step(controller.duty, this.stepS);
    controller.update(room.temperature, this.stepS);
    this.steps++;
    this.sum += room.temperature;
    this.max = Math.max(this.max, room.temperature);
    this.min = Math.min(this.min, room.temperature);
    this.device.report({ heating: controller.duty > 0 });
    if (this.steps !== 1) return;
    // Nobody should wait a whole interval to see that a device is there.
    this.reportMax();
    this.send();
  }

  private send(): void {
    this.device.send({
      temperature: this.room.temperature,
      outdoorTemperature: this.room.outdoor,
      heaterDuty: Math.round(this.controller.duty * 100),
    });
  }

  private reportMax(): void {
    if (this.steps === 0) return;
    this.device.report({ maxTempSinceLastReboot: Math.round(this.max * 10) / 10 });
  }

  private maxMinReport() {
    if (this.steps === 0) return refuse(503, "nothing measured yet");
    return {
      maxTemp: this.max,
      minTemp: this.min,
      avgTemp: this.sum / this.steps,
      seconds: Math.round((this.steps * this.stepMs) / 1000),
    };
  }

  private onMessage(message: CloudMessage): void {
    this.platform.log("info", `message ${message.id ?? "without id"}: ${message.text}`);
  }
}

/** Starts the thermostat on any platform: a board, the simulator, or plain Node in a test. */
export function startThermostat(platform: Platform, options?: ThermostatOptions): Thermostat {
  const thermostat = new Thermostat(platform, options);
  thermostat.device.start();
  return thermostat;
}
