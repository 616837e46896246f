// Checks of what `npm start` needs: Node, packages, the SQL store, the XS engine.
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Check, reason } from "./check.ts";

const oldestNode = { major: 20, minor: 19 };

/** Node's version against what godwit supports. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const { major: oldMajor, minor: oldMinor } = oldestNode;
  const recent = major > oldMajor || (major === oldMajor && minor >= oldMinor);
  const detail = `Node ${version.replace(/^v/, "")}`;
  if (recent) return { id: "node", status: "ok", detail };
  return {
    id: "node",
    status: "fail",
    detail: `${detail} is older than ${oldMajor}.${oldMinor}`,
    fix: "install Node 22 or newer from https://nodejs.org",
  };
}

/** Installed packages against the lock file (a published package has no lock file to compare). */
export function checkPackages(root: string): Check {
  const lock = join(root, "package-lock.json");
  const stamp = join(root, "node_modules", ".package-lock.json");
  const fix = "npm ci --ignore-scripts";
  if (!existsSync(lock)) return { id: "packages", status: "ok", detail: "installed by npm" };
  if (!existsSync(stamp))
    return { id: "packages", status: "fail", detail: "packages are not installed", fix };
  if (statSync(stamp).mtimeMs < statSync(lock).mtimeMs)
    return { id: "packages", status: "warn", detail: "older than package-lock.json", fix };
  return { id: "packages", status: "ok", detail: "installed as locked" };
}

/** The store's native part loads and answers. */
export async function checkStore(): Promise<Check> {
  try {
    const { default: Database } = await import("libsql");
    const database = new Database(":memory:");
    const row = database.prepare("select sqlite_version() as version").get() as { version: string };
    database.close();
    return { id: "store", status: "ok", detail: `libsql loads (SQLite ${row.version})` };
  } catch (error) {
    return {
      id: "store",
      status: "fail",
      detail: `libsql does not load: ${reason(error)}`,
      fix: "npm ci --ignore-scripts (on this very operating system and processor)",
    };
  }
}

/** What is said of an engine's cache that is not as it should be. */
const cacheFindings = {
  damaged: "the built XS engine is damaged: its files do not fit their hashes",
  parts: "the XS engine is built in part only: a build was interrupted",
} as const;

/** The sources and the compiler that the XS engine is built from, and what has been built of it. */
export async function checkEngine(root: string, cacheDir?: string): Promise<Check> {
  const require = createRequire(join(root, "package.json"));
  const missing = ["@agoric/xsnap/package.json", "@yowasp/clang"].filter((name) => {
    try {
      require.resolve(name);
      return false;
    } catch (error) {
      // A package that is there but exports nothing to `require` is no missing package.
      return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    }
  });
  const fix = "npm ci --ignore-scripts";
  if (missing.length > 0)
    return { id: "engine", status: "fail", detail: `missing: ${missing.join(", ")}`, fix };
  const { inspectCache } = await import("../../engine/build.ts");
  try {
    const state = inspectCache(cacheDir);
    if (state === "damaged" || state === "parts")
      return {
        ...{ id: "engine", status: "warn", detail: cacheFindings[state] },
        fix: "godwit engine build",
      };
    const detail =
      state === "built"
        ? "XS engine built, hashes verified"
        : "XS engine can be built (godwit engine build)";
    return { id: "engine", status: "ok", detail };
  } catch (error) {
    // Sources of another version than the patches were made for, for example.
    return { id: "engine", status: "fail", detail: reason(error), fix };
  }
}
