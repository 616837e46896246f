// One seeded run: flash an image onto a virtual board whose line or body misbehaves; judge the end.
import { EspBoard } from "../../host-tools/emulator/bench/esp-board.ts";
import { type FaultLog, seededRandom } from "../../host-tools/emulator/bench/faults.ts";
import { type HubHonesty, hubPort } from "../../host-tools/emulator/bench/power-hub.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import type { SectorKeeper } from "../../host-tools/flash/esp/keeper.ts";
import { op } from "../../host-tools/flash/esp/protocol.ts";
import { parseResetSequence } from "../../host-tools/flash/esp/resets.ts";
import { type HostClock, realClock } from "../../host-tools/serial/clock.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import type { PortSource } from "../../host-tools/serial/port.ts";
import { powerCycle } from "../../host-tools/serial/power.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { serveRfc2217 } from "../../host-tools/serial/rfc2217-server.ts";
import { isSame, sampleImage } from "./bench.ts";
import type { FaultName, Transport } from "./fault-run-table.ts";
import { ballast, buildWorld, imageOffset, scheduleBreaks, type World } from "./fault-world.ts";
import { type MemoryKeeper, memoryKeeper } from "./memory-keeper.ts";

export interface FaultRun {
  readonly outcome: "verified" | string;
  /** What a reader of a failed assertion needs. */
  readonly story: string;
  /** Nothing at all may be wrong with these. */
  readonly violations: readonly string[];
}

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
