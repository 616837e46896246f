// Worker thread: runs the WebAssembly build of clang on virtual files.
import { parentPort, workerData } from "node:worker_threads";
import { commands, type Tree } from "@yowasp/clang";

export interface ClangJob {
  id: number;
  args: string[];
  files: Record<string, string | Uint8Array>;
  output: string;
}

export interface ClangResult {
  id: number;
  bytes?: Uint8Array;
  error?: string;
}

const headers = workerData.headers as Record<string, string>;

function insert(tree: Tree, path: string, content: string | Uint8Array): void {
  const parts = path.split("/");
  let folder = tree;
  for (const part of parts.slice(0, -1)) {
    folder[part] ??= {};
    folder = folder[part] as Tree;
  }
  folder[parts.at(-1) ?? path] = content;
}

async function run(job: ClangJob): Promise<ClangResult> {
  const tree: Tree = {};
  for (const [path, text] of Object.entries(headers)) insert(tree, path, text);
  for (const [path, content] of Object.entries(job.files)) insert(tree, path, content);
  let messages = "";
  const decoder = new TextDecoder();
  const stderr = (bytes: Uint8Array | null) => {
    if (bytes) messages += decoder.decode(bytes, { stream: true });
  };
  try {
    const command = commands.clang;
    if (!command) throw new Error("no clang in @yowasp/clang");
    const result = await command(job.args, tree, {
      stdout: stderr,
      stderr,
      fetchProgress: () => {},
    });
    const bytes = result?.[job.output];
    if (!(bytes instanceof Uint8Array)) throw new Error("no output");
    return { id: job.id, bytes };
  } catch (error) {
    return { id: job.id, error: `${messages.trim()}\n${String(error)}`.trim() };
  }
}

parentPort?.on("message", (job: ClangJob) => {
  void run(job).then((result) => parentPort?.postMessage(result));
});
