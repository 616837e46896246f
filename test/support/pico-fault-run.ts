// One seeded run of a UF2 job: a virtual Pico, its drive or the hand at its cable misbehaves; judge the end.
import { seededRandom } from "../../host-tools/emulator/bench/faults.ts";
import { PicoBoard, type PicoOptions } from "../../host-tools/emulator/bench/pico-board.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { runUf2Job } from "../../host-tools/flash/rp2040/bootsel.ts";
import { encodeUf2, type RpChip } from "../../host-tools/flash/rp2040/uf2.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { serveRfc2217 } from "../../host-tools/serial/rfc2217-server.ts";
import { isSame, sampleImage } from "./bench.ts";
import type { Transport } from "./fault-run-table.ts";
import type { Run } from "./fault-table.ts";

export const picoChips: readonly RpChip[] = ["rp2040", "rp2350"];

/** What each fault makes of the board. */
const boards = {
  none: {},
  "moddable-entry": { entry: "moddable" },
  "stuck-in-app": { entry: "none" },
  "slow-mount": { mountMs: 3000 },
  "slow-boot": { bootMs: 3000 },
  "late-error": { failsLateWrites: true },
  "refused-file": { ignoresFiles: true },
  "stays-away": { staysAway: true },
  unplug: {},
  "unplug-for-good": {},
  "swapped-board": {},
} as const satisfies Record<string, Partial<PicoOptions>>;

export type PicoFault = keyof typeof boards;
export const picoFaultNames = Object.keys(boards) as PicoFault[];

export const picoCertainEnds: Partial<Record<PicoFault, string>> = {
  none: "verified",
  "moddable-entry": "verified",
  "stuck-in-app": "no-bootloader",
  "slow-mount": "verified",
  "slow-boot": "verified",
  "late-error": "verify-failed",
  "refused-file": "verify-failed",
  "stays-away": "no-reply",
  unplug: "verify-failed",
  "unplug-for-good": "verify-failed",
  "swapped-board": "wrong-chip",
};

const flashBase = 0x10000000;

/** Runs `fault` with `seed` and returns how it ended; never throws for a DeviceError. */
export async function picoFaultRun(
  fault: PicoFault,
  seed: number,
  chip: string,
  transport: Transport,
): Promise<Run> {
  const random = seededRandom(seed);
  const isVirtual = transport === "memory";
  const clock = isVirtual ? new VirtualClock() : realClock;
  const program = sampleImage(5000 + Math.floor(random() * 60_000), seed);
  const family = chip === "rp2350" ? "rp2350-arm-s" : "rp2040";
  const bytes = encodeUf2([{ address: flashBase, bytes: program }], family);
  // The board that was swapped in is of the other kind.
  const isOther = fault === "swapped-board";
  const real = picoChips.find((each) => (each === chip) !== isOther)!;
  const board = new PicoBoard({ clock, chip: real, ...boards[fault] });
  const wire = new Wire(board, { clock, isPaced: isVirtual });
  const hitAt = random();
  const outMs = 100 + random() * 1500;
  if (fault === "unplug" || fault === "unplug-for-good") {
    board.duringWrite = (index, count) => {
      if (index !== Math.floor(hitAt * count)) return;
      wire.unplug();
      if (fault === "unplug") clock.after(outMs, () => wire.plug());
    };
  }
  const end = memorySource("memory:pico", () => wire);
  const server = isVirtual ? undefined : await serveRfc2217(end, { host: "127.0.0.1", port: 0 });
  const source = server ? rfc2217Source(server.url) : end;
  let outcome = "verified";
  try {
    const work = runUf2Job({
      bytes,
      name: "app.uf2",
      clock,
      files: board.files(),
      source,
      needsProof: true,
    });
    await (clock instanceof VirtualClock ? clock.run(work) : work);
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    outcome = error.hint ? error.code : `${error.code} (no hint)`;
  }
  await server?.close();
  const written = board.flash.bytes.subarray(0, program.length);
  const violations: string[] = [];
  if (outcome === "verified" && !isSame(written, program)) violations.push("wrong success");
  if (outcome.includes("no hint")) violations.push("error without a hint");
  const behind = board.flash.bytes.subarray(Math.ceil(program.length / 4096) * 4096);
  if (behind.some((byte) => byte !== 0xff)) violations.push("other sectors were touched");
  if (isOther && board.flash.touchedSectors.size > 0) violations.push("another board was written");
  wire.unplug();
  return { outcome, violations, story: `${chip} ${fault} seed ${seed} ${transport}: ${outcome}` };
}
