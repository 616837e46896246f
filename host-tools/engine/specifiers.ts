// From import specifiers to files and back: package.json#exports is the only table.
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { packageRoot } from "./paths.ts";

type ExportTarget = string | { xs?: string; default?: string };

/** Specifier patterns of the package for XS: `godwit/*` to a folder pattern of TypeScript sources. */
export function packagePaths(): Record<string, string[]> {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  const table: Record<string, string[]> = {};
  for (const [key, value] of Object.entries(manifest.exports as Record<string, ExportTarget>)) {
    const target = typeof value === "string" ? value : (value.xs ?? value.default);
    if (target?.endsWith(".ts"))
      table[`godwit${key.slice(1)}`] = [join(packageRoot, target).split(sep).join("/")];
  }
  return table;
}

/** The source file a `godwit/...` specifier stands for; the longest matching pattern wins. */
export function packageFile(specifier: string): string | undefined {
  const patterns = Object.entries(packagePaths()).sort(([a], [b]) => b.length - a.length);
  for (const [pattern, [target = ""]] of patterns) {
    const [before = "", after = ""] = pattern.split("*");
    if (!pattern.includes("*")) {
      if (pattern === specifier) return target;
      continue;
    }
    if (!specifier.startsWith(before) || !specifier.endsWith(after)) continue;
    const middle = specifier.slice(before.length, specifier.length - after.length);
    const file = target.replace("*", middle);
    if (existsSync(file)) return file;
  }
  return undefined;
}

/** One canonical specifier per file: `godwit/<path>` for firmware, the path inside the app otherwise. */
export function canonicalSpecifier(file: string, appDir: string): string {
  const firmware = inside(join(packageRoot, "firmware"), file);
  const path = inside(appDir, file) ?? (firmware ? `godwit/${firmware}` : undefined);
  if (!path) throw new Error(`${file} is neither in the app nor in godwit's firmware`);
  return path.replace(/\.(ts|js)$/, "");
}

function inside(folder: string, file: string): string | undefined {
  const path = relative(folder, file);
  return path.startsWith("..") || isAbsolute(path) ? undefined : path.split(sep).join("/");
}
