// The served bench under each of its faults, over real sockets in real time: verified, or a typed error.
import { expect, test } from "vitest";
import type { BenchFault } from "../../host-tools/emulator/bench/bench-faults.ts";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { isSame } from "../support/bench.ts";

const faults: readonly [BenchFault, number][] = [
  ["drop", 0.02],
  ["duplicate", 0.05],
  ["corrupt", 0.02],
  ["split", 0.5],
  ["unplug", 0.01],
  ["slow-erase", 20],
  ["stuck", 2],
];

test.each(faults)("%s=%d", async (fault, value) => {
  for (const seed of [1, 2]) {
    const served = await serveVirtualBoard({
      chip: "esp32c3",
      host: "127.0.0.1",
      port: 0,
      faults: { [fault]: value },
      seed,
      flashMegabytes: 4,
      isPaced: false,
    });
    const regions = demoFirmware(targetById("esp32c3")!);
    let end = "verified";
    try {
      await runFlashJob({ source: rfc2217Source(served.url), clock: realClock, regions });
      for (const { offset, bytes } of regions) {
        const written = served.board.flash.bytes.subarray(offset, offset + bytes.length);
        expect(isSame(written, bytes), `wrong success: ${fault}, seed ${seed}`).toBe(true);
      }
    } catch (error) {
      if (!isDeviceError(error)) throw error;
      end = error.code;
      expect(error.hint, `${fault}, seed ${seed}: ${end}`).toBeTruthy();
    } finally {
      await served.close();
    }
    if (fault === "split" || fault === "slow-erase" || fault === "stuck")
      expect(end).toBe("verified");
  }
});
