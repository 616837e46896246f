// A device model from an app folder, a model.ts or a DTDL interface (JSON).
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { rolldown } from "rolldown";
import { defineModel } from "../../firmware/model/define.ts";
import type { Model, ModelSpec } from "../../firmware/model/types.ts";
import { packageRoot } from "../engine/paths.ts";
import { fromDtdl } from "../model/from-dtdl.ts";
import { UserError } from "../user-error.ts";

function refused(path: string, what: string, cause?: unknown): UserError {
  return new UserError(`${path}: ${what}`, {
    code: "model",
    hint: "name an app folder with a model.ts, a model.ts, or a DTDL interface (.json)",
    cause,
  });
}

function fileOf(path: string): string {
  if (!existsSync(path)) throw refused(path, "there is no such file or folder");
  if (!statSync(path).isDirectory()) return path;
  const file = join(path, "model.ts");
  if (!existsSync(file)) throw refused(path, "the folder has no model.ts");
  return file;
}

/** The module's exports. It is the user's own code and runs in this process. */
async function evaluate(file: string): Promise<Record<string, unknown>> {
  const bundle = await rolldown({
    input: file,
    platform: "neutral",
    logLevel: "silent",
    plugins: [
      {
        name: "godwit-self",
        resolveId: (id: string) =>
          id.startsWith("godwit/") ? join(packageRoot, "firmware", `${id.slice(7)}.ts`) : null,
      },
    ],
  });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    const code = Buffer.from(output[0].code).toString("base64");
    return (await import(`data:text/javascript;base64,${code}`)) as Record<string, unknown>;
  } finally {
    await bundle.close();
  }
}

function isModel(value: unknown): value is ModelSpec {
  return typeof (value as ModelSpec | null)?.id === "string";
}

async function exportedModel(file: string): Promise<ModelSpec> {
  const all = await evaluate(file);
  const models = Object.entries(all).filter(([, value]) => isModel(value));
  const named = models.find(([name]) => name === "default" || name === "model");
  const found = named ?? (models.length === 1 ? models[0] : undefined);
  if (found) return found[1] as ModelSpec;
  const names = models.map(([name]) => name).join(", ");
  throw refused(file, names ? `exports several models: ${names}` : "exports no model");
}

/**
 * Reads and checks a model.
 * @throws UserError naming the file and the field that is impossible
 */
export async function loadModel(path: string): Promise<Model> {
  const file = fileOf(path);
  try {
    if (file.endsWith(".json")) return fromDtdl(JSON.parse(readFileSync(file, "utf8")));
    return defineModel(await exportedModel(file)) as Model;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    // The bundler colours its messages.
    throw refused(file, stripVTControlCharacters((cause as Error).message), cause);
  }
}
