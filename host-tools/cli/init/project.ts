// A new project from a template: files to write, and the link that lets editors find `godwit/…`.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { UserError } from "../../user-error.ts";
import { packageRoot, packageVersion } from "../package-root.ts";

export const templates = ["thermostat", "blink"] as const;
export type Template = (typeof templates)[number];

/** What to try first with each template's twin. */
const desiredExamples: Readonly<Record<Template, string>> = {
  thermostat: '{"targetTemperature": 23}',
  blink: '{"periodMs": 500}',
};

const templateFolder = join(packageRoot(), "host-tools", "cli", "templates");

/** A package name out of a folder's name (npm: lower case, no spaces, at most 214 characters). */
export function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "")
    .slice(0, 214);
  return name === "" ? "device" : name;
}

function filesBelow(folder: string, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(folder, path) : [path];
  });
}

/** How the new project names godwit: a clone by its place, a published package by its version. */
function dependency(folder: string): string {
  const root = packageRoot();
  if (root.split(sep).includes("node_modules")) return `^${packageVersion()}`;
  return `file:${relative(folder, root).split(sep).join("/")}`;
}

function packageJson(folder: string): object {
  const own = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
    devDependencies?: Record<string, string>;
    dependencies: Record<string, string>;
  };
  const { vitest = "*" } = own.devDependencies ?? {};
  return {
    name: packageName(folder),
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: { start: "godwit sim .", test: "vitest run", check: "tsc --noEmit" },
    devDependencies: {
      godwit: dependency(folder),
      typescript: own.dependencies.typescript ?? "*",
      vitest,
    },
  };
}

/** Device code: no Node types, what runs on XS, specifiers with their real extension. */
const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2022"],
    module: "ESNext",
    moduleResolution: "bundler",
    customConditions: ["xs"],
    types: [],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ["*.ts"],
};

/** Types of the SDK's modules, which godwit's platform layer imports. */
function sdkTypes(): string[] {
  return ["firmware/platform/sdk.d.ts"]
    .filter((path) => existsSync(join(packageRoot(), path)))
    .map((path) => `node_modules/godwit/${path}`);
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** All files of a new project by path. */
export function projectFiles(folder: string, template: Template): Map<string, string> {
  const files = new Map<string, string>();
  const source = join(templateFolder, template);
  for (const path of filesBelow(source)) files.set(path, readFileSync(join(source, path), "utf8"));
  const common = (name: string) => readFileSync(join(templateFolder, "common", name), "utf8");
  files.set(".gitignore", common("gitignore"));
  const readme = common("project-readme.md")
    .replaceAll("{{name}}", packageName(folder))
    .replaceAll("{{desired}}", desiredExamples[template]);
  files.set("README.md", readme);
  files.set("package.json", json(packageJson(folder)));
  files.set("tsconfig.json", json({ ...tsconfig, files: ["main.ts", ...sdkTypes()] }));
  return files;
}

function checkEmpty(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new UserError(`${folder} is a file`, { code: "not-a-folder" });
  // A fresh repository is as good as empty.
  const found = readdirSync(folder).filter((name) => name !== ".git");
  if (found.length > 0)
    throw new UserError(`${folder} is not empty (${found.slice(0, 3).join(", ")}…)`, {
      code: "not-empty",
      hint: "name a new folder: godwit init my-device",
    });
}

/** Makes `godwit/…` known to editors without an installation; without it only they suffer. */
function linkGodwit(folder: string): boolean {
  const link = join(folder, "node_modules", "godwit");
  try {
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(packageRoot(), link, "junction");
    return true;
  } catch {
    return false;
  }
}

export interface CreatedProject {
  readonly files: readonly string[];
  /** Whether editors find godwit already, before any `npm install`. */
  readonly linked: boolean;
}

/** Writes a project. @throws UserError when the folder holds something. */
export function createProject(folder: string, template: Template): CreatedProject {
  checkEmpty(folder);
  const files = projectFiles(folder, template);
  for (const [path, text] of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    // "wx": a file that appeared in the meantime is somebody's work.
    writeFileSync(target, text, { flag: "wx" });
  }
  return { files: [...files.keys()].sort(), linked: linkGodwit(folder) };
}
