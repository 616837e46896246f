// Text that is far too long, in every place that quotes it: a short, typed error.
import { expect, test } from "vitest";
import { findBoard, parseBoard } from "../../../host-tools/boards/board.ts";
import { encodeNvs } from "../../../host-tools/flash/esp/nvs.ts";
import { parseNvsCsv } from "../../../host-tools/flash/esp/nvs-csv.ts";
import { parsePartitionCsv } from "../../../host-tools/flash/esp/partitions.ts";
import { parseResetSequence } from "../../../host-tools/flash/esp/resets.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { rfc2217Source } from "../../../host-tools/serial/rfc2217.ts";

const noFiles = () => new Uint8Array(0);
const long = "x".repeat(100_000);
test.each([
  () => parseNvsCsv(`${long}\n`, noFiles),
  () => parseNvsCsv(`key,type,encoding,value\na,${long},u8,1\n`, noFiles),
  () => parseNvsCsv(`key,type,encoding,value\nn,namespace,,\na,data,${long},1\n`, noFiles),
  () => parseNvsCsv(`key,type,encoding,value\nn,namespace,,\na,data,u8,${long}\n`, noFiles),
  () =>
    parseNvsCsv(`key,type,encoding,value\nn,namespace,,\na,data,u8,${"9".repeat(9000)}`, noFiles),
  () => encodeNvs([{ namespace: "n", key: long, type: "u8", value: 1n }], 0x6000),
  () => encodeNvs([{ namespace: long, key: "k", type: "u8", value: 1n }], 0x6000),
  () => parsePartitionCsv(`${long},data,nvs,,4K\n`),
  () => parsePartitionCsv(`a,${long},nvs,,4K\n`),
  () => parsePartitionCsv(`a,data,${long},,4K\n`),
  () => parsePartitionCsv(`a,data,nvs,${long},4K\n`),
  () => parsePartitionCsv(`a,data,nvs,,4K,${long}\n`),
  () => parseResetSequence(long),
  () => parseBoard(long, "board.json"),
  () => parseBoard(JSON.stringify({ id: "a", name: "b", chip: "c", [long]: 1 }), "board.json"),
  () => findBoard(long, [], []),
  () => rfc2217Source(`rfc2217://${long}`),
  () => rfc2217Source(`rfc2217://${long}:1`),
])("hostile text is quoted briefly: %#", (work) => {
  try {
    work();
    expect.unreachable("it was accepted");
  } catch (error) {
    expect(isDeviceError(error), String(error)).toBe(true);
    expect(`${error} ${isDeviceError(error) && error.hint}`.length).toBeLessThan(400);
  }
});
