// The CSV form of NVS contents: key,type,encoding,value (as Espressif's generator reads it).
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import { isNvsInteger, type NvsEntry, type NvsValue } from "./nvs-format.ts";

function bad(line: number, what: string): DeviceError {
  return new DeviceError("bad-input", `NVS CSV, line ${line}: ${what}`, {
    hint: "columns are key,type,encoding,value; type is namespace, data or file",
  });
}

/**
 * Reads entries in order.
 * @param readFile content of a `file` row's value; may throw a DeviceError of its own
 * @throws DeviceError `bad-input` naming the line
 */
export function parseNvsCsv(
  csv: string,
  readFile: (path: string) => Uint8Array,
): readonly NvsEntry[] {
  const entries: NvsEntry[] = [];
  let namespace: string | undefined;
  let isHeaderSeen = false;
  csv.split(/\r?\n/).forEach((text, index) => {
    const line = index + 1;
    if (text.trim() === "" || text.startsWith("#")) return;
    const cells = splitLine(text, line);
    if (!isHeaderSeen) {
      isHeaderSeen = true;
      if (cells.join(",") === "key,type,encoding,value") return;
      throw bad(line, "the first line must be key,type,encoding,value");
    }
    const [key = "", type = "", encoding = "", value = ""] = cells;
    if (type === "namespace") {
      namespace = key;
      return;
    }
    if (type !== "data" && type !== "file") throw bad(line, `type '${shorten(type)}' is unknown`);
    if (namespace === undefined) throw bad(line, "a namespace row must come first");
    const content = type === "file" ? readFile(value) : value;
    entries.push({ line, namespace, key, ...convert(encoding, content, line) });
  });
  if (!isHeaderSeen) throw bad(1, "there is nothing in it");
  return entries;
}

/** Cells separated by commas; a cell in double quotes may hold commas and doubled quotes. */
function splitLine(text: string, line: number): readonly string[] {
  const cells: string[] = [];
  let rest = text;
  for (;;) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*(,|$)/.exec(rest);
    const plain = quoted ? null : /^([^",]*)(,|$)/.exec(rest);
    const match = quoted ?? plain;
    if (!match) throw bad(line, "a quotation mark is not closed");
    cells.push(quoted ? match[1]!.replaceAll('""', '"') : match[1]!.trim());
    if (match[2] === "") return cells;
    rest = rest.slice(match[0].length);
  }
}

function convert(encoding: string, content: string | Uint8Array, line: number): NvsValue {
  const text = () => (typeof content === "string" ? content : new TextDecoder().decode(content));
  if (isNvsInteger(encoding)) {
    const number = text().trim();
    if (!/^-?\d{1,20}$|^0x[0-9a-f]{1,16}$/i.test(number))
      throw bad(line, `'${shorten(number)}' is no integer`);
    return { type: encoding, value: BigInt(number) };
  }
  switch (encoding) {
    case "string":
      return { type: "string", value: text() };
    case "binary":
      return {
        type: "blob",
        value: typeof content === "string" ? new TextEncoder().encode(content) : content,
      };
    case "hex2bin": {
      const digits = text().trim();
      if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw bad(line, "hex2bin needs pairs of hex digits");
      return { type: "blob", value: Buffer.from(digits, "hex") };
    }
    case "base64": {
      const coded = text().replaceAll(/\s/g, "");
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(coded)) throw bad(line, "the value is no base64");
      return { type: "blob", value: Buffer.from(coded, "base64") };
    }
    default:
      throw bad(line, `encoding '${shorten(encoding)}' is unknown`);
  }
}
