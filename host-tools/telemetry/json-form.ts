// Decoded values as JSON can say them, at any depth: it has no NaN, no infinity and no bytes.
import { encodeBase64 } from "../../firmware/codec/base64.ts";

/** The value with odd numbers as text and bytes as base64. Bounded by what the decoders accept as nesting. */
export function jsonForm(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return encodeBase64(value);
  if (Array.isArray(value)) return value.map(jsonForm);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, jsonForm(inner)]));
}

/** As text of a cell: what is no text already, as JSON. */
export function textForm(value: unknown): string {
  const form = jsonForm(value);
  return typeof form === "string" ? form : JSON.stringify(form);
}
