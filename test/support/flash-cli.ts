// The command line in this process, in an empty folder beside a served virtual board, both new for each test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { run } from "../../host-tools/cli/run.ts";
import { verbs } from "../../host-tools/cli/verbs-table.ts";
import { type ServedBoard, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { quietBoard } from "./quiet-board.ts";

/** Those of the test that runs. */
export let folder: string;
export let served: ServedBoard;

/** To be called once by a test file. */
export function setUpFlashCli(): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "godwit-cli-"));
    served = await serveVirtualBoard(quietBoard);
  });
  afterEach(async () => {
    await served.close();
    rmSync(folder, { recursive: true });
  });
}

export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly events: readonly Record<string, unknown>[];
}

export async function godwit(
  line: string,
  signal = new AbortController().signal,
  seen: { err: string } = { err: "" },
): Promise<Ended> {
  const written = Object.assign(seen, { out: "" });
  const sink = (name: "out" | "err") => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const exitCode = await run(line.split(" "), {
    verbs,
    version: "0",
    stdout: sink("out"),
    stderr: sink("err"),
    env: { PATH: process.env.PATH, XDG_STATE_HOME: join(folder, "state") },
    cwd: folder,
    interrupted: () => signal,
  });
  const events = line.includes("--json")
    ? written.out
        .split("\n")
        .filter(Boolean)
        .map((text) => JSON.parse(text) as Record<string, unknown>)
    : [];
  return { exitCode, ...written, events };
}

/** What `godwit bench firmware fw` makes. */
export const firmwareSet = "fw/bootloader.bin@0x0 fw/partitions.bin@0x8000 fw/app.bin@0x10000";
