// Input that a message quotes: a hostile name must fill neither a screen nor a log.

const longestQuote = 64;
const tailLength = 16;

/** `text` as it is, or its beginning and its end when it is longer than `max` characters. */
export function shorten(text: string, max = longestQuote): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - tailLength - 1)}…${text.slice(-tailLength)}`;
}
