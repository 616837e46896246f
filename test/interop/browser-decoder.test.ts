// The decoder of delta batches outside Node: bundled for browsers, run where there is nothing but the language.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";
import { DeltaEncoder } from "../../firmware/codec/delta/encoder.ts";
import { EPOCH_MS, tankEvent, tankModel } from "../support/telemetry-dump.ts";

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) =>
  existsSync(path),
);
if (process.env.GODWIT_REQUIRE_CHROMIUM === "1" && !chromium) {
  throw new Error("GODWIT_REQUIRE_CHROMIUM is set, but chromium is not installed");
}

const pathOf = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

async function bundle(
  name = "firmware/codec/delta/decoder.ts",
): Promise<{ code: string; imports: string[] }> {
  const build = await rolldown({ input: pathOf(name), platform: "browser", logLevel: "silent" });
  const { output } = await build.generate({ format: "iife", name: "godwit" });
  await build.close();
  const [{ code, imports, dynamicImports }] = output;
  return { code, imports: [...imports, ...dynamicImports] };
}

function batch(): Uint8Array {
  const encoder = new DeltaEncoder({
    ...{ channels: [{ name: "level" }, { name: "text" }], profile: "adaptive", tick: "ms" },
    ...{ rowsMax: 64, bytesMax: 4096, crc: true },
  });
  for (let i = 0; i < 64; i++) encoder.record(1000 * i, [i / 10, i % 2 ? "grün" : undefined]);
  return encoder.take().bytes;
}

const expected = JSON.stringify({
  times: Array.from({ length: 64 }, (_, i) => 1000 * i),
  channels: [
    Array.from({ length: 64 }, (_, i) => i / 10),
    Array.from({ length: 64 }, (_, i) => (i % 2 ? "grün" : null)),
  ],
});

const program = (bytes: Uint8Array) => `
  const { times, channels } = godwit.decodeBatch(Uint8Array.of(${bytes.join()}));
  JSON.stringify({ times: Array.from(times), channels });`;

test("the bundle imports nothing and decodes in a context without Node's globals", async () => {
  const { code, imports } = await bundle();
  expect(imports).toEqual([]);
  expect(code).not.toMatch(/node:|\brequire\(|\bprocess\.|\bBuffer\b/);
  const context = createContext(Object.create(null));
  expect(runInContext("typeof process + typeof Buffer + typeof require", context)).toBe(
    "undefinedundefinedundefined",
  );
  expect(runInContext(`${code}\n${program(batch())}`, context)).toBe(expected);
  const damaged = `try { godwit.decodeBatch(Uint8Array.of(1, 2, 3)); } catch (error) { error.code }`;
  expect(runInContext(damaged, context)).toBe("malformed");
});

test("messages become named, dated rows with a report, without Node", async () => {
  const { code, imports } = await bundle("host-tools/telemetry/decode-stream.ts");
  expect(imports).toEqual([]);
  expect(code).not.toMatch(/node:|\brequire\(|\bprocess\.|\bBuffer\./);
  // What every browser has beside the language.
  const context = createContext(Object.assign(Object.create(null), { TextDecoder, TextEncoder }));
  const dump = [1, 3].map((i) => JSON.stringify(tankEvent(i, { epochMs: EPOCH_MS }))).join("\n");
  const text = (await runInContext(
    `${code}
    (async () => {
      const damaged = [];
      const decoder = new godwit.StreamDecoder({
        source: "page", model: ${JSON.stringify(tankModel)}, onDamaged: (error) => damaged.push(error.message),
      });
      async function* chunks() { yield new TextEncoder().encode(${JSON.stringify(`${dump}\n{"no":1}`)}); }
      const rows = [];
      for await (const { tMs, values } of decoder.rows(chunks())) rows.push([tMs, values]);
      return JSON.stringify({ rows, damaged, gaps: decoder.delivery.report()[0].gaps });
    })()`,
    context,
  )) as string;
  expect(JSON.parse(text)).toEqual({
    rows: [1, 3].flatMap((i) => [
      [EPOCH_MS + 1000 * i, { level: i + 0.5, open: true }],
      [EPOCH_MS + 1000 * i + 500, { level: i + 0.25 }],
    ]),
    damaged: [expect.stringMatching(/^page: byte \d+: an object without a device id/)],
    gaps: [{ first: 2, last: 2 }],
  });
});

test.runIf(chromium)("chromium decodes the same (needs chromium)", async () => {
  const { code } = await bundle();
  const folder = mkdtempSync(join(tmpdir(), "godwit-browser-"));
  try {
    const page = join(folder, "page.html");
    const script = `${code}\ndocument.body.textContent = eval(${JSON.stringify(program(batch()))});`;
    writeFileSync(page, `<!doctype html><meta charset="utf-8"><body><script>${script}</script>`);
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${folder}/profile`,
    ];
    const dom = await new Promise<string>((resolve, reject) =>
      execFile(chromium!, [...flags, "--dump-dom", pathToFileURL(page).href], (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      ),
    );
    expect(dom).toContain(expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
