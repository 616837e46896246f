// Progress on stderr: a bar on a terminal, one line per ten percent elsewhere.
import type { Progress, Sink } from "./output.ts";

const barCells = 24;
const stepPercent = 10;

function percentOf(fraction: number): number {
  if (!(fraction > 0)) return 0;
  return Math.min(100, Math.floor(fraction * 100));
}

/** A display that others have to make room in. */
export interface LiveProgress extends Progress {
  /** Takes it off the screen, as often as there is something to say; the next update brings it back. */
  clear(): void;
}

/** A bar that redraws itself on one line. */
export function progressBar(sink: Sink, label: string): LiveProgress {
  let shown = "";
  return {
    update(fraction, detail = "") {
      const percent = percentOf(fraction);
      const full = Math.round((percent * barCells) / 100);
      const bar = `${"█".repeat(full)}${"░".repeat(barCells - full)}`;
      const line = `${label} ${bar} ${String(percent).padStart(3)} % ${detail}`.trimEnd();
      const fitting = line.slice(0, Math.max(20, (sink.columns ?? 80) - 1));
      if (fitting === shown) return;
      shown = fitting;
      sink.write(`\r\u001b[2K${fitting}`);
    },
    clear() {
      if (shown !== "") sink.write("\r\u001b[2K");
      shown = "";
    },
    end(text = label) {
      shown = "";
      sink.write(`\r\u001b[2K${text}\n`);
    },
  };
}

/** Lines for logs: the first report, then every full ten percent. */
export function progressLines(sink: Sink, label: string): Progress {
  let nextPercent = 0;
  return {
    update(fraction, detail = "") {
      const percent = percentOf(fraction);
      if (percent < nextPercent) return;
      nextPercent = percent - (percent % stepPercent) + stepPercent;
      sink.write(`${label}: ${percent} % ${detail}`.trimEnd().concat("\n"));
    },
    end(text = `${label}: done`) {
      sink.write(`${text}\n`);
    },
  };
}
