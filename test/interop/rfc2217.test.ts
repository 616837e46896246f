// Our client flashes virtual boards over RFC 2217 on loopback sockets, as `godwit flash --port rfc2217://…` does.

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { type ServedBoard, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { runMonitor } from "../../host-tools/monitor/monitor.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { quietBoard } from "../support/quiet-board.ts";

let served: ServedBoard | undefined;

afterEach(async () => {
  await served?.close();
});

// The long tier does it with every chip, under every fault.
test.each(["esp32", "esp32s3", "esp32c3", "esp32c6"])(
  "%s: flash, verify, read back, boot, log",
  async (chip) => {
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
  },
);

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

/** What a client is told by a server that does `greet` with every connection. */
async function refusalBy(greet: (socket: Socket) => void): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const source = rfc2217Source(`rfc2217://127.0.0.1:${port}`);
  try {
    const opened = await source.open(115_200, { onData: () => {}, onClose: () => {} });
    await opened.close();
    return "let in";
  } catch (error) {
    return error;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test.each<[string, (socket: Socket) => void]>([
  ["says so as ser2net does", (socket) => socket.end("Port already in use\r\n")],
  ["resets the connection", (socket) => socket.resetAndDestroy()],
  ["hangs up at once", (socket) => socket.end()],
])("a busy port is told apart from a missing one: the server %s", async (_, greet) => {
  expect(await refusalBy(greet)).toMatchObject({
    code: "port-busy",
    exitCode: 7,
    hint: expect.stringContaining("end the other program"),
  });
});

test("a client that leaves while it waits for the port does not block it", async () => {
  served = await serveVirtualBoard({ ...quietBoard, chip: "esp32" });
  const source = rfc2217Source(served.url);
  const quiet = { onData: () => {}, onClose: () => {} };
  const first = await source.open(115_200, quiet);
  const waiting = connect({ port: Number(/\d+$/.exec(served.url)![0]), host: "127.0.0.1" });
  await new Promise((resolve) => waiting.once("connect", resolve));
  await first.setBaud(9600);
  waiting.resetAndDestroy();
  await first.setBaud(115_200);
  await first.close();
  const next = await source.open(115_200, quiet);
  await next.close();
});

test("what is no RFC 2217 server is told apart from what is not there", async () => {
  const stranger = (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  expect(await refusalBy(stranger)).toMatchObject({
    code: "no-device",
    exitCode: 3,
    message: expect.stringContaining("'HTTP/1.1 400 Bad Request'"),
  });
  const gone = rfc2217Source("rfc2217://127.0.0.1:1");
  await expect(gone.open(115_200, { onData: () => {}, onClose: () => {} })).rejects.toMatchObject({
    code: "no-device",
    exitCode: 3,
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a board that is not plugged in is named, not taken for a busy port", async () => {
  served = await serveVirtualBoard({ ...quietBoard, chip: "esp32" });
  served.wire.unplug();
  const source = rfc2217Source(served.url);
  await expect(source.open(115_200, { onData: () => {}, onClose: () => {} })).rejects.toMatchObject(
    {
      code: "no-device",
      message: expect.stringContaining("nothing is plugged in"),
    },
  );
});
