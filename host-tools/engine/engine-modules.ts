// The engine's own modules under the SDK's specifiers: firmware/engine/modules, compiled.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import type { Engine } from "./build.ts";
import { compileModule } from "./bytecode.ts";
import { packageRoot } from "./paths.ts";

/** File in firmware/engine/modules to specifier, in load order. */
const specifiers: Record<string, string> = {
  events: "godwit:engine/events",
  ops: "godwit:engine/ops",
  packet: "godwit:engine/packet",
  socket: "godwit:engine/socket",
  timer: "timer",
  time: "time",
  tcp: "embedded:io/socket/tcp",
  tls: "embedded:io/socket/tcp/tls",
  dns: "embedded:network/dns/resolver/udp",
  "key-value": "embedded:storage/key-value",
  flash: "embedded:storage/flash",
  rng: "rng",
  crypt: "crypt",
  system: "system",
};

export const engineBootOrder: readonly string[] = Object.values(specifiers);

const loaded = new WeakMap<Engine, ReadonlyMap<string, Uint8Array>>();

/** Bytecode of the engine's modules by specifier. @throws UserError when the package is not compiled. */
export function engineModules(engine: Engine): ReadonlyMap<string, Uint8Array> {
  let modules = loaded.get(engine);
  if (!modules) {
    modules = new Map(
      Object.entries(specifiers).map(([file, specifier]) => [
        specifier,
        compileModule(engine, { specifier, source: readModule(file), file: `${file}.js` }),
      ]),
    );
    loaded.set(engine, modules);
  }
  return modules;
}

/** Relative imports between the engine's modules become specifiers: files and specifiers differ in shape. */
function readModule(file: string): string {
  const path = join(packageRoot, "build", "firmware", "engine", "modules", `${file}.js`);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError(`the engine's module ${file} is not compiled`, {
      hint: "npm run build",
      cause,
    });
  }
  return source.replace(/from "\.\/([a-z-]+)\.js"/g, (text, name: string) =>
    specifiers[name] ? `from "${specifiers[name]}"` : text,
  );
}
