// A few clang workers with a queue: one compilation per worker at a time.
import { Worker } from "node:worker_threads";
import type { ClangJob, ClangResult } from "./clang-worker.ts";
import { workerFile } from "./paths.ts";

interface Pending {
  job: ClangJob;
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

export class ClangPool {
  #workers: Worker[] = [];
  #idle: Worker[] = [];
  #queue: Pending[] = [];
  #running = new Map<Worker, Pending>();
  #nextId = 1;

  constructor(headers: Record<string, string>, workers: number) {
    for (let i = 0; i < workers; i++) {
      const worker = new Worker(workerFile("clang-worker"), {
        workerData: { headers },
        // The compiler reports its own loading there, and our stdout is for results; errors come back as results.
        stdout: true,
        stderr: true,
      });
      worker.on("message", (result: ClangResult) => this.#settle(worker, result));
      worker.on("error", (error) => this.#fail(worker, error));
      this.#workers.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Runs clang with virtual files and returns one output file. */
  run(
    args: string[],
    files: Record<string, string | Uint8Array>,
    output: string,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job: { id: this.#nextId++, args, files, output }, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.shift();
      const pending = this.#queue.shift();
      if (!worker || !pending) return;
      this.#running.set(worker, pending);
      worker.postMessage(pending.job);
    }
  }

  #settle(worker: Worker, result: ClangResult): void {
    const pending = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if (result.bytes) pending?.resolve(result.bytes);
    else pending?.reject(new Error(result.error ?? "clang failed"));
    this.#dispatch();
  }

  #fail(worker: Worker, error: Error): void {
    this.#running.get(worker)?.reject(error);
    this.#running.delete(worker);
    for (const pending of this.#queue.splice(0)) pending.reject(error);
  }
}
