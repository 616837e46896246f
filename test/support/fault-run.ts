// One seeded run: flash an image onto a virtual board whose line or body misbehaves; judge the end.
import { EspBoard } from "../../host-tools/emulator/bench/esp-board.ts";
import { type FaultLog, lineFault, seededRandom } from "../../host-tools/emulator/bench/faults.ts";
import { NorFlash } from "../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { type FlashJob, runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { op } from "../../host-tools/flash/esp/protocol.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import { isSame, sampleImage } from "./bench.ts";

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
  "wrong-serial",
  "swapped-board",
  "slow-reset",
  "usb-jtag-reenumerates",
] as const;
export type FaultName = (typeof faultNames)[number];

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
  "wrong-serial": "verified",
  "swapped-board": "wrong-board",
  "usb-jtag-reenumerates": "verified",
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

const imageOffset = 0x20000;
const flashBytes = 1 << 20;
/** What is in the flash before: whatever differs from it afterwards was touched. */
const ballast = new Uint8Array(flashBytes).fill(0x5a);

/** Runs `fault` with `seed` and returns how it ended; never throws for a DeviceError. */
export async function faultRun(
  fault: FaultName,
  seed: number,
  chip = "esp32c3",
  overrides: Partial<FlashJob> = {},
): Promise<FaultRun> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const log: FaultLog = { events: [] };
  const image = sampleImage(20_000 + Math.floor(random() * 120_000), seed);
  const world = buildWorld(fault, seed, chip, clock, log);
  const { source } = world;
  scheduleBreaks(fault, world, clock, random, image.length);
  let outcome = "verified";
  try {
    await clock.run(
      runFlashJob({
        source,
        clock,
        baud: 921_600,
        ...(fault === "swapped-board" ? { expectMac: "02:00:00:00:00:01" } : {}),
        regions: [{ offset: imageOffset, bytes: image, name: "app.bin" }],
        ...overrides,
      }),
    );
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    outcome = error.code;
    if (!error.hint) outcome += " (no hint)";
  }
  const violations = judge(world.boards, image, outcome, log);
  const story = `${chip} ${fault} seed ${seed}: ${outcome}; ${JSON.stringify(log.events.slice(0, 20))}`;
  return { outcome, story, violations };
}

interface World {
  readonly boards: readonly EspBoard[];
  readonly wires: readonly Wire[];
  readonly source: ReturnType<typeof memorySource>;
  /** The other board is behind the name now. */
  swap(): void;
  /** Does something once that many bytes went to the first board. */
  after(bytes: number, action: () => void): void;
}

function buildWorld(
  fault: FaultName,
  seed: number,
  chip: string,
  clock: VirtualClock,
  log: FaultLog,
): World {
  const isUsb = fault === "usb-jtag-reenumerates";
  const boards = [1, 2].map((id) => {
    const flash = new NorFlash(flashBytes, ballast);
    return new EspBoard({
      target: targetById(chip)!,
      clock,
      flash,
      mac: Uint8Array.of(2, 0, 0, 0, 0, id),
      timing: fault === "slow-erase" ? { eraseMsPerSector: 300, programMsPerKilobyte: 20 } : {},
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
  clock: VirtualClock,
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
  if (fault === "unplug" || fault === "unplug-twice") world.after(place, outAndIn);
  if (fault === "unplug-twice") world.after(place + 2000 + random() * 12_000, outAndIn);
  if (fault === "unplug-for-good") world.after(place, () => first.unplug());
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
  const before = bytes.subarray(0, imageOffset);
  const behind = bytes.subarray(imageOffset + Math.ceil(image.length / 4096) * 4096);
  const isElsewhereTouched = [before, behind].some(
    (part) => !isSame(part, ballast.subarray(0, part.length)),
  );
  if (isElsewhereTouched && !wasCommandHit(log)) violations.push("other sectors were touched");
  if (!isSame(other.flash.bytes, ballast)) violations.push("another board was written");
  return violations;
}
