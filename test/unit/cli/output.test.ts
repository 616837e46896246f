// Progress, colours, hostile text and suggestions.
import { expect, test } from "vitest";
import { didYouMean, editDistance } from "../../../host-tools/cli/did-you-mean.ts";
import { createOutput, hasColor, printable } from "../../../host-tools/cli/output.ts";

function output(isTTY: boolean, env: Record<string, string> = {}) {
  const written: string[] = [];
  const sink = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  const made = createOutput({ json: false, schema: "s", stdout: sink, stderr: sink, env });
  return { made, written };
}

test("progress to a file is one line per ten percent", () => {
  const { made, written } = output(false);
  const progress = made.progress("engine");
  for (let step = 0; step <= 1000; step++) progress.update(step / 1000);
  progress.end();
  expect(written.map((line) => line.trim())).toEqual([
    ...Array.from({ length: 11 }, (_, tens) => `engine: ${tens * 10} %`),
    "engine: done",
  ]);
});

test("progress on a terminal redraws one line, only when it changes, within its width", () => {
  const { made, written } = output(true);
  const progress = made.progress("engine");
  for (let step = 0; step <= 1000; step++) progress.update(step / 1000, "x".repeat(200));
  expect(written).toHaveLength(101);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control is the point
  expect(Math.max(...written.map((line) => line.replace(/\r\u001b\[2K/, "").length))).toBe(59);
});

test("progress survives senseless fractions", () => {
  const { made, written } = output(false);
  const progress = made.progress("p");
  for (const fraction of [Number.NaN, -1, 7]) progress.update(fraction);
  expect(written).toEqual(["p: 0 %\n", "p: 100 %\n"]);
});

test("colours: terminals only, NO_COLOR wins", () => {
  const terminal = { isTTY: true, write: () => {} };
  const file = { write: () => {} };
  expect(hasColor(terminal, {})).toBe(true);
  expect(hasColor(file, {})).toBe(false);
  expect(hasColor(file, { FORCE_COLOR: "1" })).toBe(true);
  expect(hasColor(terminal, { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
  expect(hasColor(terminal, { TERM: "dumb" })).toBe(false);
  expect(output(true).made.style("red", "x")).toBe("\u001b[31mx\u001b[0m");
  expect(output(false).made.style("red", "x")).toBe("x");
});

test("a device's text cannot drive the terminal", () => {
  expect(printable("a\u001b[2Jb\rc\u202ed\u009b")).toBe("a\\u001b[2Jb\\u000dc\\u202ed\\u009b");
  expect(printable("tab\tnewline\n°C ü 温")).toBe("tab\tnewline\n°C ü 温");
});

test("suggestions are near or absent", () => {
  expect(editDistance("hub", "hbu")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(didYouMean("docter", ["doctor", "hub"])).toBe("doctor");
  expect(didYouMean("simm", ["sim", "init"])).toBe("sim");
  expect(didYouMean("flash", ["doctor", "hub"])).toBeUndefined();
});

test("a bar on a terminal makes room for notes and results, and comes back", () => {
  let screen = "";
  const terminal = {
    isTTY: true,
    columns: 60,
    write: (text: string) => {
      screen += text;
    },
  };
  const env = { TERM: "xterm" };
  const made = createOutput({ json: false, schema: "s", stdout: terminal, stderr: terminal, env });
  const bar = made.progress("flash");
  const clear = "\r\u001b[2K";
  const half = `${clear}flash ${"█".repeat(12)}${"░".repeat(12)}  50 %`;
  bar.update(0.5);
  made.note("godwit: interrupted");
  bar.update(0.5);
  made.result("done", {}, "done");
  made.note("nothing is shown");
  bar.update(0.5);
  bar.end("flash: verified");
  made.note("after it");
  expect(screen).toBe(
    `${half}${clear}godwit: interrupted\n${half}${clear}done\nnothing is shown\n` +
      `${half}${clear}flash: verified\nafter it\n`,
  );
});
