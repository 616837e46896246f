// What `godwit flash` and its relatives refuse: each mistake its exit code, its code and a way out.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folder, godwit, served, setUpFlashCli } from "../support/flash-cli.ts";

setUpFlashCli();

test("each mistake has its exit code, its code and a way out", async () => {
  const port = `--port ${served.url}`;
  await godwit("bench firmware fw");
  await godwit("bench firmware other --board esp32s3");
  await godwit("bench firmware pico --board rp2040");
  const foreign = readFileSync(join(folder, "pico/app.uf2"));
  for (let at = 28; at < foreign.length; at += 512) foreign.writeUInt32LE(0x68ed2b88, at);
  writeFileSync(join(folder, "foreign.uf2"), foreign);
  writeFileSync(join(folder, "stump.uf2"), foreign.subarray(0, 5));
  writeFileSync(join(folder, "short.uf2"), Buffer.from("UF2\nWQ\x5d\x9e", "latin1"));
  writeFileSync(join(folder, "raw40.bin"), new Uint8Array(36 << 10).fill(0x40));
  const cases: readonly [string, number, string][] = [
    [`flash ${port} fw/app.bin`, 2, "bad-input"],
    [`flash ${port} nothing.bin@0x0`, 2, "bad-input"],
    [`flash ${port} other/app.bin@0x10000`, 2, "wrong-chip"],
    [`flash ${port} fw/app.bin@0x10000 fw/app.bin@0x11000`, 2, "overlap"],
    [`flash ${port} fw/app.bin@0x3fc000`, 2, "does-not-fit"],
    [`flash ${port} fw/app.bin@0x0`, 2, "does-not-fit"],
    [`flash ${port} raw40.bin@0x4000`, 2, "does-not-fit"],
    [`flash ${port} raw40.bin@0x4000 --no-stub`, 2, "does-not-fit"],
    [`flash ${port} --board esp32s3 fw/app.bin@0x10000`, 2, "wrong-chip"],
    [`flash ${port} --board esp32s3 fw/partitions.bin@0x8000`, 3, "wrong-board"],
    [`flash ${port} fw/app.bin@0x10000 other/bootloader.bin@0x0`, 2, "wrong-chip"],
    [`flash ${port} fw/app.bin@0x10000000`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-size 3MB`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-size 4MB`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-mode fast`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-freq 81m`, 2, "bad-input"],
    [`flash read 0 0 nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0 4000M nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0x3ff000 0x2000 nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0x500000 0x1000 nothing.bin ${port}`, 2, "bad-input"],
    [`flash erase 0x9000 ${port}`, 2, "bad-input"],
    [`flash erase 0x9000 0 ${port}`, 2, "bad-input"],
    [`flash ${port} --mac 00:00:00:00:00:01 fw/app.bin@0x10000`, 3, "wrong-board"],
    ["flash --port rfc2217://127.0.0.1:1 fw/app.bin@0x10000", 3, "no-device"],
    ["flash --port /dev/ttyNOTHING fw/app.bin@0x10000", 3, "no-device"],
    ["flash reed 0 1 x", 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --baud 0`, 2, "bad-input"],
    [`monitor ${port} --baud 0`, 2, "bad-input"],
    ["partitions fw/app.bin", 2, "bad-input"],
    ["flash short.uf2", 2, "bad-input"],
    ["flash pico/app.uf2 --drive nowhere", 3, "no-device"],
    ["flash stump.uf2", 2, "bad-input"],
    ["flash foreign.uf2", 2, "wrong-chip"],
    ["flash pico/app.uf2 --board raspberry-pi-pico-2", 2, "wrong-chip"],
    [`flash pico/app.uf2 ${port} --board esp32c3`, 2, "wrong-chip"],
    [`flash fw/app.bin@0 ${port} --board raspberry-pi-pico`, 2, "bad-input"],
    ["flash --board toaster fw/app.bin@0x10000", 2, "bad-input"],
    [`monitor ${port} --until never --timeout 0.3`, 6, "timeout"],
    [`monitor ${port} --reset --fail-on boot --timeout 20`, 1, "fail-text"],
    [`monitor ${port} --maps nowhere`, 2, "bad-input"],
    [`monitor ${port} --maps fw`, 2, "bad-input"],
    [`monitor ${port} --elf nowhere.elf`, 2, "bad-input"],
    [`monitor ${port} --elf fw/app.bin`, 2, "bad-input"],
    [`monitor ${port} --timeout x`, 2, "bad-input"],
    ["image info fw", 2, "bad-input"],
    ["bench virtual --fault rain=1", 2, "bad-input"],
    ["bench virtual --board rp2040 --fault drop=0.1", 2, "bad-input"],
    ["bench virtual --board rp2040 --flash-file f.bin", 2, "bad-input"],
    ["bench virtual --board rp2350 --mac 02:00:00:00:00:01", 2, "bad-input"],
    ["bench virtual --board rp2040 --flash-size 2", 2, "bad-input"],
    ["bench virtual --board rp2040 --paced", 2, "bad-input"],
    ["bench virtual --board rp2040 --pty", 2, "bad-input"],
    ["bench virtual --board esp32c3 --drive d", 2, "bad-input"],
    ["bench virtual --board esp8266", 2, "bad-input"],
    ["bench firmware x --board esp8266", 2, "bad-input"],
    ["bench virtual --flash-size 3", 2, "bad-input"],
    ["bench virtual --listen 127.0.0.1:99999", 2, "bad-input"],
    [`bench virtual --listen ${served.url.slice(10)}`, 7, "port-failed"],
    ["bench virtual --listen 192.0.2.1:0", 7, "port-failed"],
  ];
  for (const [line, exitCode, code] of cases) {
    const ended = await godwit(`${line} --json`);
    expect(ended.exitCode, `${line}\n${ended.err}`).toBe(exitCode);
    const last = ended.events.at(-1)!;
    expect(last, line).toMatchObject({ event: "error", code, exitCode });
    expect(last.try, line).toBeTruthy();
  }
  expect(served.board.flash.touchedSectors.size).toBe(0);
});

test("files that cannot be written, never end or are something else are refused without a stack", async () => {
  const port = `--port ${served.url}`;
  writeFileSync(join(folder, "noise.bin"), new Uint8Array(8192).fill(7));
  writeFileSync(join(folder, "s.csv"), "key,type,encoding,value\nn,namespace,,\na,data,u8,1\n");
  writeFileSync(
    join(folder, "evil.csv"),
    `${"\u001b]0;evil\u0007".padEnd(40, "x")},data,nvs,,4K\n`,
  );
  const table = "nvs,data,nvs,0x9000,16K\n";
  writeFileSync(join(folder, "t.csv"), table);
  const lines = [
    "nvs make s.csv nowhere/nvs.bin",
    "nvs show noise.bin",
    "partitions t.csv --out nowhere/t.bin",
    "partitions evil.csv",
    "image info /dev/zero",
    "bench firmware t.csv",
    "bench virtual --flash-file nowhere/flash.bin",
    "bench virtual --flash-file /dev/zero",
    "bench virtual --flash-file /dev/full",
    "bench virtual --flash-file .",
    "bench virtual --fault drop=2",
    "bench virtual --seed x",
    `monitor ${port} --timeout 1 --tee nowhere/log.txt`,
    `flash read 0 0x1000 nowhere/flash.bin ${port}`,
    `flash erase 0x400000 0x1000 ${port}`,
    `flash noise.bin@0x9000 --mac zz ${port}`,
  ];
  for (const line of lines) {
    const { exitCode, err } = await godwit(line);
    expect(exitCode, `${line}: ${err}`).toBe(2);
    expect(err, line).toContain("try: ");
    expect(err, line).not.toMatch(/\n {4}at /);
    expect(err, line).not.toContain("\u001b");
  }
  expect(readFileSync(join(folder, "t.csv"), "utf8")).toBe(table);
});
