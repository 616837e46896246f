// The endurance app's own word about its messages, held against what the hub stored.
import type { VirtualRun } from "../../host-tools/sim/virtual-run.ts";

/** Every message of the app has a number; its log says what became of it. */
export class Ledger {
  readonly #queued = new Map<string, Set<string>>();
  readonly #acknowledged = new Map<string, Set<string>>();
  readonly #stored = new Map<string, string[]>();
  readonly #storedIds = new Set<string>();
  readonly #settled = new Set<string>();
  /** Messages the device took for acknowledged before the hub had them. */
  readonly early: string[] = [];

  /** Takes a line of a board's log. */
  log(board: string, text: string): void {
    const [, outcome, id] = /^(queued|acknowledged|dropped) (\d+ \d+)$/.exec(text) ?? [];
    if (outcome === undefined || id === undefined) return;
    if (outcome !== "queued") this.#settled.add(`${board} ${id}`);
    if (outcome === "dropped") return;
    const table = outcome === "queued" ? this.#queued : this.#acknowledged;
    if (outcome === "acknowledged" && !this.#storedIds.has(`${board} ${id}`)) this.early.push(id);
    const ids = table.get(board);
    if (ids) ids.add(id);
    else table.set(board, new Set([id]));
  }

  /** Watches the hub's event stream. */
  watch(run: VirtualRun): void {
    run.hub.events.subscribe((event) => {
      if (event.source !== "Telemetry") return;
      const { boot, count } = JSON.parse(Buffer.from(event.body).toString()) as Record<
        string,
        number
      >;
      const { deviceId } = event.origin;
      const id = `${boot} ${count}`;
      this.#storedIds.add(`${deviceId} ${id}`);
      const stored = this.#stored.get(deviceId);
      if (stored) stored.push(id);
      else this.#stored.set(deviceId, [id]);
    });
  }

  /** What the hub and the device's word disagree about, per board. */
  check(board: string) {
    const queued = this.#queued.get(board) ?? new Set();
    const acknowledged = this.#acknowledged.get(board) ?? new Set();
    const stored = this.#stored.get(board) ?? [];
    const unique = new Set(stored);
    const numbers = [...unique].map((id) => id.split(" ").map(Number) as [number, number]);
    const ids = [...queued];
    const lastBoot = ids.at(-1)?.split(" ")[0];
    return {
      // A power cut takes what waits in RAM; since the last one everything must have met its fate.
      unsettled: ids.filter(
        (id) => id.startsWith(`${lastBoot} `) && !this.#settled.has(`${board} ${id}`),
      ),
      queued: queued.size,
      acknowledged: acknowledged.size,
      stored: unique.size,
      duplicates: stored.length - unique.size,
      lost: [...acknowledged].filter((id) => !unique.has(id)),
      invented: [...unique].filter((id) => !queued.has(id)),
      misordered: numbers.filter(([boot, count], index) => {
        const [lastBoot, lastCount] = numbers[index - 1] ?? [0, 0];
        return boot < lastBoot || (boot === lastBoot && count < lastCount);
      }),
    };
  }
}
