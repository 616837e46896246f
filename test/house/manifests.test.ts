// Build manifests: every device module stands in exactly one of them, by its exact name, and is preloaded.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Manifest {
  include?: string[];
  modules?: Record<string, string> & { "~"?: string[] };
  preload?: string[];
  platforms?: Record<string, Manifest>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const firmware = join(root, "firmware");
/** The simulator's own: no board carries them. */
const simulated = /^(engine\/|platform\/board\.ts$)/;

/** Modules in place of the SDK's. */
const overrides = "platform/sdk/";

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

/** What a manifest adds; `~` names what of the SDK it takes out. */
function added({ modules = {} }: Manifest): [specifier: string, target: string][] {
  const { "~": _, ...own } = modules;
  return Object.entries(own);
}

const listed = parts.flatMap(({ path, part }) =>
  added(part).map(([specifier, target]) => ({
    ...{ path, part, specifier },
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
    if (file.startsWith(overrides)) continue;
    const isApp = file.startsWith("apps/");
    const inApp = relative(relative(firmware, dirname(path)), file).replace(/\.ts$/, "");
    const inPackage = `godwit/${file.replace(/\.ts$/, "").replace(/board-\w+$/, "board")}`;
    expect(specifier, path).toBe(isApp ? inApp : inPackage);
  }
});

test("a module in place of one of the SDK's has its name, and the SDK's own is taken out", () => {
  const found = listed.filter(({ file }) => file.startsWith(overrides));
  expect(found.length).toBeGreaterThan(0);
  for (const { specifier, file, part } of found) {
    expect(`${overrides}${specifier}.ts`).toBe(file);
    const out = part.modules?.["~"] ?? [];
    expect(
      out.filter((path) => path.startsWith("$") && path.endsWith(`/${specifier}`)),
    ).toHaveLength(1);
  }
});

test("an app that has a platform has its overrides: nobody can forget the random numbers", () => {
  const platform = manifests.find(({ path }) => path.endsWith("manifests/platform.json"))!;
  expect(platform.json.include).toContain("./random.json");
});

test("everything but main modules is preloaded, by exact name", () => {
  for (const { path, part } of parts) {
    const expected = added(part)
      .map(([name]) => name)
      .filter((name) => name !== "main");
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
