/** Weather station: replays recorded weather, sends it in delta batches that survive outages and power cuts. */
import { createDevice } from "godwit/device";
import type { Device, DeviceOptions } from "godwit/device/types";
import type { Periodic } from "godwit/device/works";
import type { Platform } from "godwit/ports/platform";
import { type BatchedOptions, batched } from "godwit/telemetry/batched";
import { deltaEncoding } from "godwit/telemetry/delta-batches";
import { weatherModel } from "./model.ts";
import { recorded, recordedTenths } from "./recording.ts";

type Model = typeof weatherModel;

export type WeatherOptions = Pick<DeviceOptions<Model>, "connection" | "onState"> & BatchedOptions;

/** Metres per second at which the warning goes out. */
const stormFrom = 10;
/**
 * Windows short enough to watch; a station in the field would leave the default of five minutes. `rowsMax` rows never
 * fill a larger block.
 */
const limits = { normalAgeMs: 10_000, bulkAgeMs: 60_000, blockBytes: 1024 };
const rowsMax = 64;

export class WeatherStation {
  readonly device: Device<Model>;
  private readonly sampling: Periodic;
  private hour = 0;
  private isStorm: boolean | undefined;

  constructor(platform: Platform, options: WeatherOptions = {}) {
    const { connection, onState, ...batching } = options;
    this.device = createDevice(weatherModel, platform, {
      ...(connection && { connection }),
      ...(onState && { onState }),
      telemetry: batched(deltaEncoding({ rowsMax }), { limits, ...batching }),
      desired: {
        sampleIntervalS: (value) => {
          this.sampling.intervalMs = value * 1000;
        },
      },
      commands: {
        reboot: () => {
          this.device.after(1000, () => this.device.restart());
        },
      },
    });
    this.sampling = this.device.every(1000, () => this.sample());
  }

  private sample(): void {
    const hour = this.hour++;
    const windSpeed = recordedTenths(hour, 3);
    const isStorm = windSpeed === undefined ? this.isStorm : windSpeed >= stormFrom;
    this.device.send({
      temperature: recordedTenths(hour, 0),
      humidity: recordedTenths(hour, 1),
      pressure: recordedTenths(hour, 2),
      windSpeed,
      windDirection: recorded(hour, 4),
      visibility: recordedTenths(hour, 5),
      stormWarning: isStorm === this.isStorm ? undefined : isStorm,
    });
    this.isStorm = isStorm;
  }
}

/** Starts the station on any platform: a board, the simulator, or plain Node in a test. */
export function startWeather(platform: Platform, options?: WeatherOptions): WeatherStation {
  const station = new WeatherStation(platform, options);
  station.device.start();
  return station;
}
