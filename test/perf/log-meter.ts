// Cost of the flash log on the XS engine: heap beside loaded code, bytecode, meter units per record and per mount.
import { runMarks } from "./codec-meter.ts";

const LOG = "firmware/telemetry/log/flash-log.js";
const RECORDS = 100;

/** A flash of 16 sectors in RAM, in the engine; what it costs is in the figures, what it holds is not. */
const SOURCE = `import { FlashLog } from "${LOG.replace(".js", "")}";
const bytes = new Uint8Array(65536).fill(255);
const flash = {
  sizeBytes: 65536, sectorBytes: 4096, pageBytes: 256,
  read(at, target) { target.set(bytes.subarray(at, at + target.length)); },
  program(at, data) { bytes.set(data, at); },
  erase(sector) { bytes.fill(255, sector * 4096, sector * 4096 + 4096); },
};
const payload = new Uint8Array(64).fill(90);
trace("\\n");
const log = new FlashLog({ flash, bootId: 1 });
trace("mountEmpty\\n");
for (let i = 0; i < ${RECORDS}; i++) if (!log.append(1, i, payload)) throw new Error("refused");
trace("append\\n");
const again = new FlashLog({ flash, bootId: 2 });
trace("mount\\n");
let count = 0;
for (let entry = again.next(); entry; entry = again.next()) {
  if (entry.sequence !== count++ || entry.payload[63] !== 90) throw new Error("wrong record");
  again.acknowledge(1, entry.ordinal);
}
if (count !== ${RECORDS}) throw new Error(count + " records");
trace("read\\n");`;

export async function meterLog(): Promise<object> {
  const { units, codeBytes } = await runMarks(SOURCE, [LOG]);
  return {
    codeBytes,
    unitsPerAppendOf64Bytes: Math.round(units.append! / RECORDS),
    unitsPerReadOf64Bytes: Math.round(units.read! / RECORDS),
    unitsPerMountOf16Sectors: units.mount,
  };
}
