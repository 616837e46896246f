// The serialport library on a pseudo terminal: open, speeds, locking, a whole flashing job.
import { afterEach, expect, test } from "vitest";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { findPtyBridge } from "../../host-tools/emulator/bench/pty.ts";
import { type ServedBoard, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { nativeSource } from "../../host-tools/serial/native.ts";
import { quietBoard } from "../support/quiet-board.ts";

const bridge = findPtyBridge();
if (process.env.GODWIT_REQUIRE_PTY === "1" && !bridge) {
  throw new Error("GODWIT_REQUIRE_PTY is set, but neither socat nor python3 is installed");
}

let served: ServedBoard | undefined;
afterEach(async () => {
  await served?.close();
});

test.skipIf(!bridge)(
  "a virtual board behind a terminal is flashed (needs socat or python3)",
  async () => {
    served = await serveVirtualBoard({ ...quietBoard, host: "", isPty: true });
    const source = nativeSource(served.url);
    const quiet = { onData: () => {}, onClose: () => {} };
    const first = await source.open(115_200, quiet);
    await expect(source.open(115_200, quiet)).rejects.toMatchObject({
      code: "port-busy",
      exitCode: 7,
    });
    await first.close();
    const regions = demoFirmware(targetById("esp32c3")!);
    const result = await runFlashJob({
      source,
      clock: realClock,
      regions,
      baud: 921_600,
      readBack: true,
    });
    expect(result).toMatchObject({ chip: "esp32c3", recoveries: 0, hadSilentDamage: false });
  },
);
