// What a line of output means: panics of ESP-IDF, aborts of XS, resets. Facts from ESP-IDF's panic handler.

export type Finding =
  | { readonly kind: "panic"; readonly reason: string }
  | { readonly kind: "xs-abort"; readonly reason: string }
  | { readonly kind: "reset"; readonly reason: string; readonly bootMode: string }
  | { readonly kind: "addresses"; readonly addresses: readonly number[] }
  | { readonly kind: "core-dump"; readonly isStart: boolean }
  | { readonly kind: "brownout" };

const xsAborts = [
  "debugger",
  "memory full",
  "JavaScript stack overflow",
  "fatal",
  "dead strip",
  "unhandled exception",
  "not enough keys",
  "too much computation",
  "unhandled rejection",
  "native stack overflow",
];

type Rule = readonly [RegExp, (match: RegExpExecArray) => Finding];

const rules: readonly Rule[] = [
  [
    /Guru Meditation Error: Core {1,2}(\d+) panic'ed \(([^)]{1,80})\)/,
    (match) => ({ kind: "panic", reason: `core ${match[1]}: ${match[2]}` }),
  ],
  [
    /^(abort\(\) was called at PC 0x[0-9a-f]{8}.*)/,
    (match) => ({ kind: "panic", reason: match[1]! }),
  ],
  [/^(assert failed: .{1,200})/, (match) => ({ kind: "panic", reason: match[1]! })],
  [
    /XS abort: (.{1,120})/,
    (match) => {
      const text = match[1]!.trim();
      const known = xsAborts.find((name) => text.startsWith(name));
      return { kind: "xs-abort", reason: known ? text : `unknown (${text})` };
    },
  ],
  [
    /^rst:0x[0-9a-f]+ \(([A-Z0-9_]{1,40})\),boot:(0x[0-9a-f]+[^,]{0,60})/i,
    (match) => ({ kind: "reset", reason: match[1]!, bootMode: match[2]!.trim() }),
  ],
  [/Brownout detector was triggered/, () => ({ kind: "brownout" })],
  [
    /={3,} CORE DUMP (START|END) ={3,}/,
    (match) => ({ kind: "core-dump", isStart: match[1] === "START" }),
  ],
];

/** Frames of a backtrace kept; a corrupted stack repeats itself. */
const addressesMax = 64;

/** Xtensa: `Backtrace: 0xPC:0xSP ...`. RISC-V: the registers that hold code addresses. */
function addressesIn(line: string): readonly number[] {
  const backtrace = /^Backtrace:\s*((?:0x[0-9a-f]{8}(?::0x[0-9a-f]{8})?\s*)+)/i.exec(line);
  if (backtrace) {
    const frames = backtrace[1]!.trim().split(/\s+/).slice(0, addressesMax);
    return frames.map((frame) => Number(frame.split(":")[0]));
  }
  const registers = [...line.matchAll(/\b(?:MEPC|RA|PC)\s*:\s*(0x[0-9a-f]{8})/gi)];
  return registers.map((match) => Number(match[1])).filter((address) => address !== 0);
}

/** Everything a line tells; usually nothing. */
export function recognise(line: string): readonly Finding[] {
  const plain = withoutColors(line);
  const findings = rules.flatMap(([pattern, make]) => {
    const match = pattern.exec(plain);
    return match ? [make(match)] : [];
  });
  const addresses = addressesIn(plain);
  return addresses.length > 0 ? [...findings, { kind: "addresses", addresses }] : findings;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
const ansiSequence = /\u001b\[[0-9;]{0,16}m/g;

export function withoutColors(line: string): string {
  return line.replace(ansiSequence, "");
}
