/** Run-time check of values that come from outside against a model's schema. */
import type { ObjectSchema, Schema } from "./types.ts";

/** Integers that Azure IoT Hub can hold in a twin: -2^52 … 2^52 - 1. */
const twinIntegerMin = -4503599627370496;
const twinIntegerMax = 4503599627370495;
export const stringLengthMax = 4096;

function checkNumber(schema: Schema, value: number): string | undefined {
  if (!Number.isFinite(value)) return "is not a finite number";
  const { type, min, max } = schema as { type: string; min?: number; max?: number };
  if (type === "integer" || type === "long") {
    if (!Number.isInteger(value)) return `${value} is not an integer`;
    if (type === "integer" && value !== (value | 0)) return `${value} does not fit 32 bits`;
  }
  if (min !== undefined && value < min) return `${value} is below the minimum ${min}`;
  if (max !== undefined && value > max) return `${value} is above the maximum ${max}`;
  // A large double without a fraction is an integer on the wire as well.
  if (value < twinIntegerMin || (value > twinIntegerMax && Number.isInteger(value))) {
    return `${value} does not fit a device twin`;
  }
  return undefined;
}

function checkObject({ fields, partial }: ObjectSchema, value: object): string | undefined {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(fields, key)) return `has an unknown field "${key.slice(0, 32)}"`;
  }
  for (const key of Object.keys(fields)) {
    if (!Object.hasOwn(value, key)) {
      if (partial) continue;
      return `lacks the field "${key}"`;
    }
    const problem = validate(fields[key] as Schema, (value as Record<string, unknown>)[key]);
    if (problem !== undefined) return `.${key} ${problem}`;
  }
  return undefined;
}

function checkArray(items: Schema, itemsMax: number, value: unknown[]): string | undefined {
  if (value.length > itemsMax) return `has ${value.length} items, at most ${itemsMax} are allowed`;
  for (let i = 0; i < value.length; i++) {
    const problem = validate(items, value[i]);
    if (problem !== undefined) return `[${i}] ${problem}`;
  }
  return undefined;
}

function isDateTime(text: string): boolean {
  const sign = text[text.length - 6];
  const hasZone = text.endsWith("Z") || sign === "+" || sign === "-";
  return text.length >= 20 && text[10] === "T" && hasZone && !Number.isNaN(Date.parse(text));
}

/**
 * Checks `value` against `schema`.
 * @returns undefined if it fits, else what is wrong, to be put behind the value's name
 */
export function validate(schema: Schema, value: unknown): string | undefined {
  const kind = typeof value;
  switch (schema.type) {
    case "boolean":
      return kind === "boolean" ? undefined : "is not a boolean";
    case "string":
      if (kind !== "string") return "is not a string";
      return (value as string).length > (schema.maxLength ?? stringLengthMax)
        ? `is longer than ${schema.maxLength ?? stringLengthMax} characters`
        : undefined;
    case "dateTime":
      return kind === "string" && isDateTime(value as string)
        ? undefined
        : "is not an ISO 8601 date and time with a zone";
    case "enum":
      return kind === "string" && schema.values.includes(value as string)
        ? undefined
        : `is not one of ${schema.values.join(", ")}`;
    case "object":
      return kind === "object" && value !== null && !Array.isArray(value)
        ? checkObject(schema, value as object)
        : "is not an object";
    case "array":
      return Array.isArray(value)
        ? checkArray(schema.items, schema.maxItems, value)
        : "is not an array";
    default:
      return kind === "number" ? checkNumber(schema, value as number) : "is not a number";
  }
}
