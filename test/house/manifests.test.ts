// Build manifests: every device module stands in exactly one of them, by its exact name, and is preloaded.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Manifest {
  include?: string[];
  modules?: Record<string, string>;
  preload?: string[];
  platforms?: Record<string, Manifest>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const firmware = join(root, "firmware");
/** The simulator's own: no board carries them. */
const simulated = /^(engine\/|platform\/board\.ts$)/;

function files(folder: string, suffix: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path, suffix);
    return entry.name.endsWith(suffix) ? [path] : [];
  });
}

/** Files of types alone vanish in compilation. */
function hasCode(file: string): boolean {
  const text = readFileSync(file, "utf8");
  return /^(export )?(async )?(const|let|function|class)\b|^[\w.]+\(/m.test(text);
}

const manifests = [
  ...files(join(root, "manifests"), ".json"),
  ...files(join(firmware, "apps"), "manifest.json"),
].map((path) => ({ path, json: JSON.parse(readFileSync(path, "utf8")) as Manifest }));

const parts = manifests.flatMap(({ path, json }) =>
  [json, ...Object.values(json.platforms ?? {})].map((part) => ({ path, part })),
);

const listed = parts.flatMap(({ path, part }) =>
  Object.entries(part.modules ?? {}).map(([specifier, target]) => ({
    path,
    specifier,
    file: relative(firmware, resolve(dirname(path), `${target}.ts`)),
  })),
);

test("every device module stands in exactly one manifest", () => {
  const modules = files(firmware, ".ts")
    .filter((file) => !file.endsWith(".d.ts") && hasCode(file))
    .map((file) => relative(firmware, file))
    .filter((file) => !simulated.test(file));
  expect(listed.map(({ file }) => file).sort()).toEqual(modules.sort());
});

test("specifiers are the folders: godwit/<path>, or the path inside the app", () => {
  for (const { path, specifier, file } of listed) {
    const isApp = file.startsWith("apps/");
    const inApp = relative(relative(firmware, dirname(path)), file).replace(/\.ts$/, "");
    const inPackage = `godwit/${file.replace(/\.ts$/, "").replace("platform/esp32/", "platform/")}`;
    expect(specifier, path).toBe(isApp ? inApp : inPackage);
  }
});

test("everything but main modules is preloaded, by exact name", () => {
  for (const { path, part } of parts) {
    const expected = Object.keys(part.modules ?? {}).filter((name) => name !== "main");
    expect([...(part.preload ?? [])].sort(), path).toEqual(expected.sort());
  }
});

test("included manifests of ours exist", () => {
  const known = manifests.map(({ path }) => path);
  for (const { path, part } of parts) {
    for (const include of part.include ?? []) {
      if (!include.startsWith("$")) expect(known, path).toContain(resolve(dirname(path), include));
    }
  }
});
