// One seeded run: flash an image onto a virtual board whose line or body misbehaves; judge the end.
import { EspBoard } from "../../host-tools/emulator/bench/esp-board.ts";
import { type FaultLog, lineFault, seededRandom } from "../../host-tools/emulator/bench/faults.ts";
import { NorFlash } from "../../host-tools/emulator/bench/nor-flash.ts";
import { type HubHonesty, hubPort } from "../../host-tools/emulator/bench/power-hub.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import type { SectorKeeper } from "../../host-tools/flash/esp/keeper.ts";
import { op } from "../../host-tools/flash/esp/protocol.ts";
import { parseResetSequence } from "../../host-tools/flash/esp/resets.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { type HostClock, realClock } from "../../host-tools/serial/clock.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import type { PortSource } from "../../host-tools/serial/port.ts";
import { powerCycle } from "../../host-tools/serial/power.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { serveRfc2217 } from "../../host-tools/serial/rfc2217-server.ts";
import { isSame, sampleImage } from "./bench.ts";
import { type MemoryKeeper, memoryKeeper } from "./memory-keeper.ts";

export const faultNames = [
  "none",
  "drop",
  "duplicate",
  "corrupt",
  "split",
  "all-at-once",
  "slow-erase",
  "stuck-twice",
  "stuck-in-app",
  "unplug",
  "unplug-for-good",
  "unplug-twice",
  "unplug-at-neighbours",
  "wrong-serial",
  "swapped-board",
  "slow-reset",
  "usb-jtag-reenumerates",
  "leaves-bootloader",
  "hub-never-off",
  "hub-never-on-again",
] as const;
export type FaultName = (typeof faultNames)[number];

/** In memory and virtual time; or behind RFC 2217 on loopback sockets, in real time. */
export type Transport = "memory" | "rfc2217";

/** How a fault must end where there is no choice: a damaged line may be too bad, a pulled plug may not. */
export const certainEnds: Partial<Record<FaultName, string>> = {
  none: "verified",
  split: "verified",
  "slow-erase": "verified",
  "slow-reset": "verified",
  "stuck-twice": "verified",
  "stuck-in-app": "app-running",
  unplug: "verified",
  "unplug-twice": "verified",
  "unplug-for-good": "no-device",
  "unplug-at-neighbours": "no-device",
  "wrong-serial": "verified",
  "swapped-board": "wrong-board",
  "usb-jtag-reenumerates": "verified",
  "leaves-bootloader": "verified",
  "hub-never-off": "power-stuck",
  "hub-never-on-again": "power-stuck",
};

/** Runs that are beyond repair are allowed; a client that never gets through a bad line is not. */
export const verifiedShareMin: Partial<Record<FaultName, number>> = {
  drop: 0.3,
  duplicate: 0.3,
  corrupt: 0.3,
};

const rates: Partial<Record<FaultName, Parameters<typeof lineFault>[0]>> = {
  drop: { drop: 0.03 },
  duplicate: { duplicate: 0.05 },
  corrupt: { corrupt: 0.03 },
  split: { split: 0.5 },
  "all-at-once": { drop: 0.01, duplicate: 0.01, corrupt: 0.01, split: 0.2 },
};

export interface FaultRun {
  readonly outcome: "verified" | string;
  /** What a reader of a failed assertion needs. */
  readonly story: string;
  /** Nothing at all may be wrong with these. */
  readonly violations: readonly string[];
}

/** Not at a sector's start, and no image ends at a sector's end: neighbours at both sides. */
const imageOffset = 0x20010;
const flashBytes = 1 << 20;
/** What is in the flash before: whatever differs from it afterwards was touched. */
const ballast = new Uint8Array(flashBytes).fill(0x5a);

/** Native USB is not visible through RFC 2217: its way into the bootloader has to be named. */
const usbJtagReset = parseResetSequence("U0,0|W0.1|U1,0|W0.1|U1,1|U0,1|W0.1|U0,0");

/** Runs `fault` with `seed` and returns how it ended; never throws for a DeviceError. */
export async function faultRun(
  fault: FaultName,
  seed: number,
  chip = "esp32c3",
  transport: Transport = "memory",
): Promise<FaultRun> {
  const random = seededRandom(seed);
  const isVirtual = transport === "memory";
  const clock = isVirtual ? new VirtualClock() : realClock;
  const log: FaultLog = { events: [] };
  const imageBytes = 20_000 + Math.floor(random() * (isVirtual ? 120_000 : 40_000));
  const image = sampleImage(imageBytes % 4096 === 4080 ? imageBytes + 1 : imageBytes, seed);
  const world = buildWorld({ fault, seed, chip, clock, log });
  scheduleBreaks(fault, world, clock, random, image.length);
  const server = isVirtual
    ? undefined
    : await serveRfc2217(world.source, { host: "127.0.0.1", port: 0 });
  const source = server ? rfc2217Source(server.url) : world.source;
  let outcome = "verified";
  const keeper = memoryKeeper();
  // Every other seed reads back through the same bad line.
  const setting = { clock, image, isVirtual, keeper, readBack: seed % 2 === 1 };
  try {
    const work = flashUnder(fault, world, source, setting);
    await (clock instanceof VirtualClock ? clock.run(work) : work);
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    outcome = error.code;
    if (!error.hint) outcome += " (no hint)";
  }
  await server?.close();
  for (const wire of world.wires) wire.unplug();
  const violations = judge(world.boards, image, outcome, log);
  if (outcome !== "verified" && isVirtual && !wasCommandHit(log)) {
    violations.push(...(await judgeRetry(world.boards[0]!, image, keeper)));
  }
  const story = `${chip} ${fault} seed ${seed} ${transport}: ${outcome}; ${JSON.stringify(log.events.slice(0, 20))}`;
  return { outcome, story, violations };
}

interface RunSetting {
  readonly clock: HostClock;
  readonly image: Uint8Array;
  readonly isVirtual: boolean;
  readonly keeper: SectorKeeper;
  readonly readBack: boolean;
}

/** The same command again, on the same flash with a good board and a good line around it. */
async function judgeRetry(
  { target, flash }: EspBoard,
  image: Uint8Array,
  keeper: MemoryKeeper,
): Promise<readonly string[]> {
  const clock = new VirtualClock();
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const wire = new Wire(new EspBoard({ target, clock, flash, mac }), { clock });
  const source = memorySource("memory:retry", () => wire);
  const regions = [{ offset: imageOffset, bytes: image, name: "app.bin" }];
  await clock.run(runFlashJob({ source, clock, regions, keeper, baud: 921_600 }));
  const expected = new Uint8Array(ballast);
  expected.set(image, imageOffset);
  const isRight = isSame(flash.bytes, expected) && keeper.count() + keeper.aside() === 0;
  return isRight ? [] : ["a retry did not bring the neighbours back"];
}

async function flashUnder(
  fault: FaultName,
  world: World,
  source: PortSource,
  { clock, image, isVirtual, keeper, readBack }: RunSetting,
): Promise<void> {
  const [first] = world.wires as [Wire, Wire];
  const honesty = hubs[fault];
  if (honesty) await powerCycle(hubPort(first, honesty), source, clock);
  const namesReset = fault === "usb-jtag-reenumerates" && !isVirtual;
  await runFlashJob({
    source,
    clock,
    baud: 921_600,
    keeper,
    readBack,
    ...(namesReset ? { resetSequence: usbJtagReset } : {}),
    ...(fault === "swapped-board" ? { expectMac: "02:00:00:00:00:01" } : {}),
    regions: [{ offset: imageOffset, bytes: image, name: "app.bin" }],
  });
}

const hubs: Partial<Record<FaultName, HubHonesty>> = {
  "hub-never-off": "never-off",
  "hub-never-on-again": "never-on-again",
};

interface World {
  readonly boards: readonly EspBoard[];
  readonly wires: readonly Wire[];
  readonly source: ReturnType<typeof memorySource>;
  /** The other board is behind the name now. */
  swap(): void;
  /** Does something once that many bytes went to the first board. */
  after(bytes: number, action: () => void): void;
}

function buildWorld(setting: {
  readonly fault: FaultName;
  readonly seed: number;
  readonly chip: string;
  readonly clock: HostClock;
  readonly log: FaultLog;
}): World {
  const { fault, seed, chip, clock, log } = setting;
  const isUsb = fault === "usb-jtag-reenumerates";
  // Real time is dear: flash that is slow by a tenth is slow enough there, and bytes need no time.
  const isVirtual = clock instanceof VirtualClock;
  const slowErase = {
    eraseMsPerSector: isVirtual ? 300 : 30,
    programMsPerKilobyte: isVirtual ? 20 : 2,
  };
  const boards = [1, 2].map((id) => {
    const flash = new NorFlash(flashBytes, ballast);
    return new EspBoard({
      target: targetById(chip)!,
      clock,
      flash,
      mac: Uint8Array.of(2, 0, 0, 0, 0, id),
      timing: fault === "slow-erase" ? slowErase : {},
      stuckResets:
        fault === "stuck-twice" ? 2 : fault === "stuck-in-app" ? Number.POSITIVE_INFINITY : 0,
      enableDelayMs: fault === "slow-reset" ? 200 : 1,
      ...(isUsb
        ? {
            isUsbJtag: true,
            reenumerateMs: 400,
            usb: { vendorId: 0x303a, productId: 0x1001, serialNumber: `0${id}` },
          }
        : {}),
    });
  });
  const breaks: { bytes: number; action: () => void }[] = [];
  let sentBytes = 0;
  const damage = rates[fault] ? lineFault(rates[fault], seed, log) : undefined;
  const wires = boards.map(
    (board, index) =>
      new Wire(board, {
        clock,
        isPaced: isVirtual,
        fault: (bytes, direction) => {
          if (index === 0 && direction === "toBoard") sentBytes += bytes.length;
          while (breaks[0] && sentBytes > breaks[0].bytes) clock.after(0, breaks.shift()!.action);
          return damage ? damage(bytes, direction) : [new Uint8Array(bytes)];
        },
      }),
  );
  let active = 0;
  return {
    boards,
    wires,
    source: memorySource("memory:board", () => wires[active]!),
    swap: () => {
      active = 1 - active;
    },
    after: (bytes, action) => void breaks.push({ bytes, action }),
  };
}

/** Breaks happen at a place in the transfer, not at a time: so they hit every phase of it. */
function scheduleBreaks(
  fault: FaultName,
  world: World,
  clock: HostClock,
  random: () => number,
  imageBytes: number,
): void {
  const [first] = world.wires as [Wire, Wire];
  const [board] = world.boards as [EspBoard, EspBoard];
  // A stub takes some 6 KB; the image shrinks to less than half.
  const place = 200 + random() * (6000 + imageBytes * 0.4);
  const forMs = 200 + random() * 3000;
  const outAndIn = () => {
    first.unplug();
    clock.after(forMs, () => first.plug());
  };
  if (fault === "leaves-bootloader") {
    world.after(place, () => {
      board.setPower(false);
      board.setPower(true);
    });
  }
  if (fault === "unplug" || fault === "unplug-twice") world.after(place, outAndIn);
  if (fault === "unplug-twice") world.after(place + 2000 + random() * 12_000, outAndIn);
  if (fault === "unplug-for-good") world.after(place, () => first.unplug());
  if (fault === "unplug-at-neighbours") {
    const at = random() < 0.5 ? imageOffset : imageOffset + imageBytes - 1;
    onceErased(board, at, () => first.unplug());
  }
  if (fault === "wrong-serial") {
    world.after(place, () => {
      outAndIn();
      board.usb = { vendorId: 0x10c4, productId: 0xea60, serialNumber: "another" };
    });
  }
  if (fault === "swapped-board") {
    world.after(place, () => {
      world.swap();
      first.unplug();
    });
  }
}

function onceErased({ flash }: EspBoard, at: number, action: () => void): void {
  const erase = flash.erase.bind(flash);
  flash.erase = (offset, size) => {
    const sectors = erase(offset, size);
    if (offset <= at && at < offset + size) {
      flash.erase = erase;
      action();
    }
    return sectors;
  };
}

/** A flipped bit in a command without checksum may reach other sectors; nothing else may. */
function wasCommandHit(log: FaultLog): boolean {
  const aiming: readonly number[] = [op.flashBegin, op.deflBegin, op.eraseRegion, op.eraseFlash];
  return log.events.some(
    ({ kind, direction, head }) =>
      kind === "corrupt" && direction === "toBoard" && aiming.includes(head),
  );
}

function judge(
  boards: readonly EspBoard[],
  image: Uint8Array,
  outcome: string,
  log: FaultLog,
): string[] {
  const violations: string[] = [];
  const [board, other] = boards as [EspBoard, EspBoard];
  const { bytes } = board.flash;
  const written = bytes.subarray(imageOffset, imageOffset + image.length);
  if (outcome === "verified" && !isSame(written, image)) violations.push("wrong success");
  if (outcome.includes("no hint")) violations.push("error without a hint");
  // A job that failed may have left a shared sector erased: its retry is judged for that.
  const isWhole = outcome === "verified";
  const end = imageOffset + image.length;
  const from = isWhole ? imageOffset : Math.floor(imageOffset / 4096) * 4096;
  const to = isWhole ? end : Math.ceil(end / 4096) * 4096;
  const isElsewhereTouched = [bytes.subarray(0, from), bytes.subarray(to)].some(
    (part) => !isSame(part, ballast.subarray(0, part.length)),
  );
  if (isElsewhereTouched && !wasCommandHit(log)) violations.push("neighbours were touched");
  if (!isSame(other.flash.bytes, ballast)) violations.push("another board was written");
  return violations;
}
