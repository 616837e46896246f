// Text pieces of the terminal view: sparkline, sizes, durations.
const levels = "▁▂▃▄▅▆▇█";

/** Newest `width` values as a sparkline, scaled to their own range. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  const text = shown
    .map((value) => levels[span === 0 ? 3 : Math.round(((value - low) / span) * 7)])
    .join("");
  return text.padStart(width);
}

/** Bytes in the unit a person would choose: 980 B, 4.2 KB, 1.3 MB. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** mm:ss, or h:mm:ss from one hour on. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const text = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? text : `${Math.floor(seconds / 3600)}:${text}`;
}

/** A value as short JSON, cut to `width` columns. */
export function jsonText(value: unknown, width: number): string {
  const text = JSON.stringify(value) ?? "-";
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
