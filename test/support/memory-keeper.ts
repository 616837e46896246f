// A keeper of shared sectors that outlives jobs but not the test.
import type { KeptSector, SectorKeeper } from "../../host-tools/flash/esp/keeper.ts";

export interface MemoryKeeper extends SectorKeeper {
  count(): number;
  aside(): number;
}

export function memoryKeeper(): MemoryKeeper {
  const kept = new Map<string, KeptSector>();
  const aside: KeptSector[] = [];
  const key = ({ mac, offset }: Pick<KeptSector, "mac" | "offset">) => `${mac} ${offset}`;
  return {
    keep(sector) {
      kept.set(key(sector), { ...sector, bytes: new Uint8Array(sector.bytes) });
      return "memory";
    },
    keptOf: (mac) => [...kept.values()].filter((sector) => sector.mac === mac),
    forget: (sector) => void kept.delete(key(sector)),
    setAside(sector) {
      kept.delete(key(sector));
      aside.push(sector);
      return "memory, aside";
    },
    count: () => kept.size,
    aside: () => aside.length,
  };
}
