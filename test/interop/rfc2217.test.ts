// Our client flashes virtual boards over RFC 2217 on loopback sockets, as `godwit flash --port rfc2217://…` does.

import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import {
  benchChips,
  type ServedBoard,
  serveVirtualBoard,
} from "../../host-tools/emulator/bench/serve.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { runMonitor } from "../../host-tools/monitor/monitor.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";

let served: ServedBoard | undefined;
let stranger: Server | undefined;

afterEach(async () => {
  await served?.close();
  stranger?.close();
});

const quietBoard = {
  host: "127.0.0.1",
  port: 0,
  faults: {},
  seed: 1,
  flashMegabytes: 4,
  isPaced: false,
};

test.each(benchChips)("%s: flash, verify, read back, boot, log", async (chip) => {
  served = await serveVirtualBoard({ ...quietBoard, chip });
  const source = rfc2217Source(served.url);
  const regions = demoFirmware(targetById(chip)!);
  const job = { source, clock: realClock, regions, expectChip: chip, readBack: true };
  const result = await runFlashJob(job);
  expect(result).toMatchObject({ chip, recoveries: 0, hadSilentDamage: false, wasReset: true });
  const again = await runFlashJob(job);
  expect(again.writtenBytes).toBe(0);
  const end = await runMonitor({
    source,
    clock: realClock,
    baud: 115_200,
    onEvent: () => {},
    until: /heartbeat \d+ of 1\.0\.0/,
    timeoutMs: 10_000,
  });
  expect(end.why).toBe("until");
});

test("a plug that is pulled while flashing is survived over the network too", async () => {
  served = await serveVirtualBoard({ ...quietBoard, chip: "esp32c3", isPaced: true });
  const { wire } = served;
  const source = rfc2217Source(served.url);
  let isPulled = false;
  const result = await runFlashJob({
    source,
    clock: realClock,
    baud: 921_600,
    regions: demoFirmware(targetById("esp32c3")!, { appBytes: 256 * 1024 }),
    onProgress: ({ phase, doneBytes }) => {
      if (isPulled || phase !== "write" || doneBytes < 100_000) return;
      isPulled = true;
      wire.unplug();
      realClock.after(300, () => wire.plug());
    },
  });
  expect(isPulled).toBe(true);
  expect(result.recoveries).toBeGreaterThan(0);
});

test("what is no RFC 2217 server is told apart from what is not there", async () => {
  const listening = createServer((socket) => {
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  stranger = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const open = (address: string) =>
    rfc2217Source(address).open(115_200, { onData: () => {}, onClose: () => {} });
  await expect(open(`rfc2217://127.0.0.1:${port}`)).rejects.toMatchObject({ code: "no-device" });
  await new Promise((resolve) => listening.close(resolve));
  await expect(open(`rfc2217://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: "no-device",
    exitCode: 3,
  });
});
