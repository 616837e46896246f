// Serial parts without sockets: telnet framing, leases, listing, error texts, choice of port, boards.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  boardsFolder,
  boardsFor,
  findBoard,
  loadBoards,
  loadChips,
  parseBoard,
} from "../../../host-tools/boards/board.ts";
import { choosePort } from "../../../host-tools/boards/choose-port.ts";
import { parseResetSequence, sequencesFor } from "../../../host-tools/flash/esp/resets.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { takeLease } from "../../../host-tools/serial/lease.ts";
import { findListed, type ListedPort, listSysfs } from "../../../host-tools/serial/list.ts";
import { groupOf, holderOf, openError } from "../../../host-tools/serial/native.ts";
import { rfc2217Source } from "../../../host-tools/serial/rfc2217.ts";
import { comPortCommand, escapeData, TelnetDecoder } from "../../../host-tools/serial/telnet.ts";
import { usbKind } from "../../../host-tools/serial/usb-ids-table.ts";
import { prng } from "../../support/bench.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-serial-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function codeOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    return isDeviceError(error) ? error.code : String(error);
  }
}

function telnetEvents(portions: readonly Uint8Array[]): string[] {
  const events: string[] = [];
  const decoder = new TelnetDecoder({
    onData: (bytes) => events.push(...[...bytes].map((byte) => `d${byte}`)),
    onNegotiate: (verb, kind) => events.push(`n${verb},${kind}`),
    onComPort: (command, value) => events.push(`c${command}:${[...value].join(".")}`),
  });
  for (const portion of portions) decoder.feed(portion);
  return events;
}

test("telnet: data, commands and negotiations in any portions", () => {
  const stream = Buffer.concat([
    escapeData(Uint8Array.of(1, 255, 2)),
    Uint8Array.of(255, 251, 44),
    comPortCommand(1, 0, 255, 194, 0),
    Uint8Array.of(7),
  ]);
  const expected = ["d1", "d255", "d2", "n251,44", "c1:0.255.194.0", "d7"];
  for (let cut = 0; cut <= stream.length; cut++) {
    expect(telnetEvents([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(expected);
  }
});

test("telnet garbage is bounded and never throws (seed 8)", () => {
  const next = prng(8);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: 300 }, () => (next() % 3 === 0 ? 255 : next() & 0xff));
    expect(() => telnetEvents([bytes])).not.toThrow();
  }
  const endless = Buffer.concat([
    Uint8Array.of(255, 250, 44, 1),
    Buffer.alloc(10_000, 1),
    Uint8Array.of(255, 240),
  ]);
  expect(telnetEvents([endless])[0]!.length).toBeLessThan(200);
});

test.each([
  "rfc2217://",
  "rfc2217://host",
  "rfc2217://host:0",
  "rfc2217://host:70000",
  "rfc2217://a b:1",
])("%s is no address", (address) => {
  expect(codeOf(() => rfc2217Source(address))).toBe("bad-input");
});

test("a lease keeps others out until it is released, its process dies or its time is over", () => {
  const options = { job: "first", ttlMs: 1000, folder, nowMs: 0 };
  const lease = takeLease("usb-1", options);
  expect(() => takeLease("usb-1", { ...options, job: "second", nowMs: 999 })).toThrow(
    "usb-1 is leased to 'first'",
  );
  expect(codeOf(() => takeLease("usb-1", { ...options, nowMs: 999 }))).toBe("port-busy");
  takeLease("usb-2", options).release();
  takeLease("usb-1", { ...options, job: "third", nowMs: 1001 });
  lease.renew(0);
  lease.release();
  expect(codeOf(() => takeLease("usb-1", options))).toBe("none");
  const dead = 2 ** 22 + 1;
  takeLease("usb-3", { ...options, pid: dead });
  expect(codeOf(() => takeLease("usb-3", options))).toBe("none");
});

test("another user's lease counts while its process lives and its time runs, and needs no removing", () => {
  const options = { job: "theirs", ttlMs: 1000, folder, nowMs: 0, uid: 1 };
  const dead = 2 ** 22 + 1;
  const theirs = takeLease("usb-1", options);
  const files = readdirSync(folder);
  expect(files).toHaveLength(1);
  expect(statSync(join(folder, files[0]!)).mode & 0o777).toBe(0o644);
  expect(statSync(folder).mode & 0o7777).toBe(0o1777);
  const mine = { ...options, job: "mine", uid: 2 };
  expect(() => takeLease("usb-1", mine)).toThrow("usb-1 is leased to 'theirs'");
  expect(readdirSync(folder)).toEqual(files);
  takeLease("usb-1", { ...mine, nowMs: 1001 }).release();
  expect(readdirSync(folder)).toEqual(files);
  theirs.release();
  takeLease("usb-2", { ...options, pid: dead });
  takeLease("usb-2", mine).release();
  takeLease("usb-3", { ...options, pid: dead, host: "another-host" });
  expect(codeOf(() => takeLease("usb-3", mine))).toBe("port-busy");
});

test("where the shared folder cannot be written a private one is used, with a note", () => {
  const shared = join(folder, "shared");
  writeFileSync(shared, "no folder");
  const notes: string[] = [];
  const fallbackFolder = join(folder, "mine");
  const options = {
    ...{ job: "j", ttlMs: 1000, nowMs: 0, folder: shared, fallbackFolder },
    onNote: (text: string) => notes.push(text),
  };
  const lease = takeLease("usb-1", options);
  expect(notes.join()).toContain(`${shared} is not writable`);
  expect(statSync(fallbackFolder).mode & 0o7777).toBe(0o700);
  expect(codeOf(() => takeLease("usb-1", options))).toBe("port-busy");
  lease.release();
  expect(readdirSync(fallbackFolder)).toEqual([]);
  expect(codeOf(() => takeLease("usb-1", { ...options, fallbackFolder: shared }))).toBe(
    "no-permission",
  );
});

test("a broken lease file does not lock a board for ever", () => {
  const options = { job: "j", ttlMs: 1000, folder, nowMs: 0 };
  takeLease("usb-1", options);
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), "{");
  expect(codeOf(() => takeLease("usb-1", options))).toBe("none");
});

/** A sysfs tree with one USB port (by its interface), one without USB, one gone. */
function sysfs(): string {
  const device = join(folder, "devices", "usb1", "1-2");
  mkdirSync(join(device, "1-2:1.0", "ttyUSB0"), { recursive: true });
  writeFileSync(join(device, "idVendor"), "10c4\n");
  writeFileSync(join(device, "idProduct"), "ea60\n");
  writeFileSync(join(device, "serial"), "0001\n");
  writeFileSync(join(device, "product"), "CP2102 USB to UART\n");
  const root = join(folder, "class", "tty");
  mkdirSync(join(root, "ttyUSB0"), { recursive: true });
  mkdirSync(join(root, "ttyS0"), { recursive: true });
  symlinkSync(join(device, "1-2:1.0", "ttyUSB0"), join(root, "ttyUSB0", "device"));
  return root;
}

test("ports are listed from sysfs alone, with their place on the bus", () => {
  expect(listSysfs(sysfs())).toMatchObject([
    {
      path: "/dev/ttyUSB0",
      usb: { vendorId: 0x10c4, productId: 0xea60, serialNumber: "0001", location: "1-2" },
      kind: { name: "CP2102", kind: "bridge" },
    },
  ]);
  expect(listSysfs(join(folder, "nowhere"))).toEqual([]);
});

test.each([
  ["Error Resource temporarily unavailable Cannot lock port", "port-busy"],
  ["Error: Permission denied, cannot open /dev/ttyUSB0", "no-permission"],
  ["Error: No such file or directory, cannot open /dev/ttyUSB0", "no-device"],
  ["Error: Opening COM3: Access denied", "no-permission"],
  ["something else", "port-failed"],
])("%s becomes %s, with a way out", (text, code) => {
  const error = openError("/dev/ttyUSB0", new Error(text));
  expect(error.code).toBe(code);
  expect(error.hint).toBeTruthy();
});

test("who holds a port, and whose group it is", () => {
  const fds = join(folder, "proc", "4711", "fd");
  mkdirSync(fds, { recursive: true });
  writeFileSync(join(folder, "proc", "4711", "comm"), "minicom\n");
  symlinkSync("/dev/ttyUSB9", join(fds, "3"));
  const others = join(folder, "proc", "4712", "fd");
  mkdirSync(others, { recursive: true });
  writeFileSync(join(folder, "proc", "4712", "comm"), "picocom\n");
  symlinkSync("/dev/ttyUSB9", join(others, "7"));
  const both = "minicom (process 4711) and picocom (process 4712)";
  expect(holderOf("/dev/ttyUSB9", join(folder, "proc"))).toBe(both);
  expect(holderOf("/dev/ttyUSB8", join(folder, "proc"))).toBeUndefined();
  const { gid } = statSync(folder);
  writeFileSync(join(folder, "group"), `other:x:${gid + 1}:\nserialists:x:${gid}:me\n`);
  expect(groupOf(folder, join(folder, "group"))).toBe("serialists");
  expect(groupOf(join(folder, "nothing"))).toBeUndefined();
});

const port = (path: string, kind = usbKind(0x10c4, 0xea60)): ListedPort => ({
  path,
  usb: { vendorId: 0x10c4, productId: 0xea60 },
  manufacturer: undefined,
  product: undefined,
  kind,
});

test("the port is the one that is named, or the only board, never a guess", () => {
  const ports = [port("/dev/ttyUSB0"), port("/dev/ttyUSB1")];
  expect(choosePort({ port: "/dev/x", environment: "/dev/y", ports })).toBe("/dev/x");
  expect(choosePort({ environment: "/dev/y", ports })).toBe("/dev/y");
  expect(choosePort({ ports: [ports[0]!, port("/dev/ttyACM0", usbKind(0x2e8a, 4))] })).toBe(
    "/dev/ttyUSB0",
  );
  const pico = port("/dev/ttyACM1", usbKind(0x2e8a, 0x000a));
  expect(choosePort({ ports: [ports[0]!, pico], family: "rp" })).toBe("/dev/ttyACM1");
  expect(choosePort({ ports: [ports[0]!, pico], family: "esp" })).toBe("/dev/ttyUSB0");
  expect(codeOf(() => choosePort({ ports: [] }))).toBe("no-device");
  expect(() => choosePort({ ports })).toThrow(/2 boards.*\n.*ttyUSB0.*\n.*ttyUSB1/);
});

test("a port that says it is another kind of board is refused unopened", () => {
  const bridge = port("/dev/ttyUSB0");
  const pico = port("/dev/ttyACM1", usbKind(0x2e8a, 0x000a));
  const probe = port("/dev/ttyACM2", usbKind(0x2e8a, 4));
  const ports = [bridge, pico, probe];
  const choose = (path: string, family: "esp" | "rp") => () =>
    choosePort({ port: path, ports, family });
  expect(codeOf(choose(bridge.path, "rp"))).toBe("wrong-board");
  expect(codeOf(choose(pico.path, "esp"))).toBe("wrong-board");
  expect(choose(pico.path, "esp")).toThrow(/is no ESP chip: RP2040 application/);
  expect(choose(bridge.path, "esp")()).toBe(bridge.path);
  expect(choose(probe.path, "esp")()).toBe(probe.path);
  expect(choose("/dev/unlisted", "esp")()).toBe("/dev/unlisted");
});

test("a link to a port is that port: identity, family and holder", () => {
  const device = join(folder, "ttyACM0");
  writeFileSync(device, "");
  const link = join(folder, "usb-board");
  symlinkSync(device, link);
  const pico = port(device, usbKind(0x2e8a, 0x000a));
  expect(findListed(link, [pico])).toBe(pico);
  expect(codeOf(() => choosePort({ port: link, ports: [pico], family: "esp" }))).toBe(
    "wrong-board",
  );
  const fds = join(folder, "proc", "12", "fd");
  mkdirSync(fds, { recursive: true });
  writeFileSync(join(folder, "proc", "12", "comm"), "screen\n");
  symlinkSync(device, join(fds, "3"));
  expect(holderOf(link, join(folder, "proc"))).toBe("screen (process 12)");
});

test("every board file is valid, names a known chip and its own file", () => {
  const boards = loadBoards();
  const chips = loadChips().map((chip) => chip.id);
  expect(boards.length).toBeGreaterThan(5);
  for (const board of boards) {
    expect(chips).toContain(board.chip);
    expect(readFileSync(join(boardsFolder(), `${board.id}.json`), "utf8")).toContain(board.name);
  }
});

test.each([
  ["{", "no JSON"],
  ['{"id":"a","name":"A"}', "'chip' is missing"],
  ['{"id":"A b","name":"A","chip":"esp32"}', "'id' must be a name"],
  ['{"id":"a","name":"A","chip":"esp32","usb":[{"vendorId":1}]}', "'usb' must be"],
  ['{"id":"a","name":"A","chip":"esp32","color":"red"}', "'color' is no field"],
])("a board file is refused: %s", (text, message) => {
  expect(() => parseBoard(text, "a.json")).toThrow(message);
});

test("boards are found by id, by chip and by USB identity", () => {
  expect(findBoard("raspberry-pi-pico").chip).toBe("rp2040");
  expect(findBoard("esp32c6").chip).toBe("esp32c6");
  expect(codeOf(() => findBoard("toaster"))).toBe("bad-input");
  const ids = boardsFor({ vendorId: 0x303a, productId: 0x1001 }, loadBoards()).map(({ id }) => id);
  expect(ids).toContain("seeed-xiao-esp32c3");
  expect(ids).not.toContain("raspberry-pi-pico");
});

test("reset sequences: custom ones as text, the built-in ones by transport", () => {
  expect(parseResetSequence("D0|R1|W0.1|U1,0|W0.05|D0").steps).toEqual([
    { dtr: false, rts: false, delayMs: 0 },
    { dtr: false, rts: true, delayMs: 0 },
    { dtr: false, rts: true, delayMs: 100 },
    { dtr: true, rts: false, delayMs: 0 },
    { dtr: true, rts: false, delayMs: 50 },
    { dtr: false, rts: false, delayMs: 0 },
  ]);
  for (const text of ["", "X1", "D2", "W100", "W", "U1"]) {
    expect(codeOf(() => parseResetSequence(text))).toBe("bad-input");
  }
  const usb = { vendorId: 0x303a, productId: 0x1001 };
  expect(sequencesFor(usb, undefined).map(({ name }) => name)).toEqual(["usb-jtag"]);
  expect(sequencesFor(undefined, undefined)[0]!.name).toBe("tight");
  const flowControl = { vendorId: 0x10c4, productId: 0xea64 };
  expect(sequencesFor(flowControl, undefined)[0]!.steps.at(-1)).toMatchObject({ dtr: true });
});
