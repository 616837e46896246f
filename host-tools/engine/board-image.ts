// Images of boards: copies of linear memory, and the one every new board of a heap size starts from.
import type { HeapSize } from "./board-types.ts";
import type { Engine } from "./build.ts";
import { engineBootOrder, engineModules } from "./engine-modules.ts";
import { type HeapFigures, readFigures, slotBytes } from "./heap-figures.ts";
import { type BoardExports, boardModule, instantiateBoard } from "./wasm-board.ts";

/** Everything a board is, apart from its host. */
export interface BoardImage {
  memory: Uint8Array;
  stackPointer: number;
}

/** Heap of the examples' boards: 64 KB beside the engine, the stack of their manifests. */
export const defaultHeap: HeapSize = {
  chunkBytes: 32_768,
  slots: 2048,
  stackSlots: 1024,
  keys: 1000,
  systemBytes: 65_536,
};

const pageBytes = 65_536;
/** How shared pools grow. */
const chunkStep = 512;
const slotStep = 256;
/** Heap sizes whose booted image is kept; others are forgotten first come, first gone. */
const imagesMax = 8;

interface Prepared {
  baseline: HeapFigures;
  images: Map<string, BoardImage>;
}

const prepared = new WeakMap<Engine, Prepared>();

function prepare(engine: Engine): Prepared {
  let entry = prepared.get(engine);
  if (!entry) {
    entry = { baseline: measureBaseline(engine), images: new Map() };
    prepared.set(engine, entry);
  }
  return entry;
}

/** Heap of a board that has loaded the engine's own modules and nothing else; measured once per engine. */
export function heapBaseline(engine: Engine): HeapFigures {
  return prepare(engine).baseline;
}

/** A board of this heap size with the engine's modules loaded: made once, then copied. */
export function bootedImage(engine: Engine, heap: HeapSize): BoardImage {
  const { baseline, images } = prepare(engine);
  return remember(images, JSON.stringify(heap), () =>
    makeImage(engine, heap, baseline, noModules, []),
  );
}

interface Preloaded {
  image: BoardImage;
  /** Heap with the modules loaded: on a chip this part is in flash. */
  loaded: HeapFigures;
}

const noModules: ReadonlyMap<string, Uint8Array> = new Map();
const preloadedImages = new WeakMap<ReadonlyMap<string, Uint8Array>, Map<string, Preloaded>>();

/**
 * A board whose heap begins beside the loaded modules, as on a chip that has them in flash.
 * Undefined when loading fails: then the board itself loads them, to fail with a reason.
 */
export function preloadedImage(
  engine: Engine,
  heap: HeapSize,
  modules: ReadonlyMap<string, Uint8Array>,
  preload: readonly string[],
): Preloaded | undefined {
  let images = preloadedImages.get(modules);
  if (!images) {
    images = new Map();
    preloadedImages.set(modules, images);
  }
  const key = JSON.stringify([engine.hash, heap, preload]);
  const known = images.get(key);
  if (known) return known;
  const exports = bareInstance(engine, modules);
  createGrowable(exports);
  boot(exports, preload);
  if (exports.board_status() !== 0) return undefined;
  const loaded = readFigures(exports);
  return remember(images, key, () => ({
    image: makeImage(engine, heap, loaded, modules, preload),
    loaded,
  }));
}

function makeImage(
  engine: Engine,
  heap: HeapSize,
  base: HeapFigures,
  modules: ReadonlyMap<string, Uint8Array>,
  preload: readonly string[],
): BoardImage {
  const exports = bareInstance(engine, modules);
  createMachine(exports, heap, base);
  boot(exports, preload);
  exports.board_reset_peaks();
  if (exports.board_status() !== 0)
    throw new RangeError("the board's heap is too small for the engine itself");
  return readImage(exports);
}

/** The entry of a key, made when missing; the oldest goes when there are too many. */
function remember<T>(entries: Map<string, T>, key: string, make: () => T): T {
  const known = entries.get(key);
  if (known) return known;
  const made = make();
  const oldest = entries.keys().next();
  if (entries.size >= imagesMax && !oldest.done) entries.delete(oldest.value);
  entries.set(key, made);
  return made;
}

export function readImage(exports: BoardExports): BoardImage {
  return {
    memory: new Uint8Array(exports.memory.buffer).slice(),
    stackPointer: exports.__stack_pointer.value,
  };
}

export function writeImage(exports: BoardExports, image: BoardImage): void {
  const missing = image.memory.length - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(missing / pageBytes);
  new Uint8Array(exports.memory.buffer).set(image.memory);
  exports.__stack_pointer.value = image.stackPointer;
}

/** An instance without a world: booting asks for nothing but modules. */
function bareInstance(
  engine: Engine,
  modules: ReadonlyMap<string, Uint8Array> = noModules,
): BoardExports {
  const own = engineModules(engine);
  return instantiateBoard(boardModule(engine), {
    now: () => 0,
    random: () => 0,
    log: () => undefined,
    timer: () => undefined,
    module: (specifier) => own.get(specifier) ?? modules.get(specifier),
    call: () => undefined,
  });
}

export function importModule(exports: BoardExports, specifier: string): void {
  const name = new TextEncoder().encode(`${specifier}\0`);
  const block = exports.board_alloc(name.length);
  new Uint8Array(exports.memory.buffer).set(name, block);
  exports.board_import(block);
  exports.board_free(block);
}

export function readText(exports: BoardExports, at: number): string {
  const bytes = new Uint8Array(exports.memory.buffer, at);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function boot(exports: BoardExports, preload: readonly string[] = []): void {
  for (const specifier of engineBootOrder) importModule(exports, specifier);
  exports.board_seal();
  for (const specifier of preload) importModule(exports, specifier);
  exports.board_gc();
}

function createMachine(exports: BoardExports, heap: HeapSize, base: HeapFigures): void {
  const fixed = heap.pools === "fixed";
  // Every collection marks the engine's own objects too: pools that start too small would collect all the time.
  // What chunks do not need goes to slots when those run out, so half of them may be there from the start.
  const chunks = base.chunkBytes + (fixed ? heap.chunkBytes : heap.chunkBytes >> 1);
  const slots = base.slots + 2 + (fixed ? heap.slots : Math.min(slotStep, heap.slots >> 2));
  const poolBytes = base.chunkBytes + heap.chunkBytes + (base.slots + 2 + heap.slots) * slotBytes;
  const blockHeaderBytes = 32;
  const failed = exports.board_create(
    poolBytes + heap.stackSlots * slotBytes + blockHeaderBytes,
    chunks,
    fixed ? 0 : chunkStep,
    slots,
    fixed ? 0 : slotStep,
    heap.stackSlots,
    base.keys + heap.keys,
    heap.systemBytes ?? defaultHeap.systemBytes ?? 0,
  );
  if (failed) throw new RangeError("the board's memory is too small for the engine itself");
}

/** A machine without limits worth mentioning, to measure what something takes. */
function createGrowable(exports: BoardExports): void {
  exports.board_create(0, 65_536, 4096, 8192, 512, 1024, 8000, 0);
}

function measureBaseline(engine: Engine): HeapFigures {
  const exports = bareInstance(engine);
  createGrowable(exports);
  boot(exports);
  if (exports.board_status() !== 0)
    throw new Error(`engine modules fail: ${readText(exports, exports.board_failure())}`);
  return readFigures(exports);
}
