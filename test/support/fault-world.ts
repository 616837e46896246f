// The virtual bench of one fault run: two boards on their wires, and what breaks at which place of the transfer.
import { EspBoard } from "../../host-tools/emulator/bench/esp-board.ts";
import { type FaultLog, lineFault } from "../../host-tools/emulator/bench/faults.ts";
import { NorFlash } from "../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import type { HostClock } from "../../host-tools/serial/clock.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import type { FaultName } from "./fault-run-table.ts";

const rates: Partial<Record<FaultName, Parameters<typeof lineFault>[0]>> = {
  drop: { drop: 0.03 },
  duplicate: { duplicate: 0.05 },
  corrupt: { corrupt: 0.03 },
  split: { split: 0.5 },
  "all-at-once": { drop: 0.01, duplicate: 0.01, corrupt: 0.01, split: 0.2 },
};

/** Not at a sector's start, and no image ends at a sector's end: neighbours at both sides. */
export const imageOffset = 0x20010;
const flashBytes = 1 << 20;
/** What is in the flash before: whatever differs from it afterwards was touched. */
export const ballast = new Uint8Array(flashBytes).fill(0x5a);

export interface World {
  readonly boards: readonly EspBoard[];
  readonly wires: readonly Wire[];
  readonly source: ReturnType<typeof memorySource>;
  /** The other board is behind the name now. */
  swap(): void;
  /** Does something once that many bytes went to the first board. */
  after(bytes: number, action: () => void): void;
}

export function buildWorld(setting: {
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
export function scheduleBreaks(
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
