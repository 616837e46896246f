/** Makes a sample fit to be sent: values checked against the model and rounded to its resolution. */
import type { CborValue } from "../codec/cbor-value.ts";
import type { Schema, TelemetrySpec } from "../model/types.ts";
import { validate } from "../model/validate.ts";
import type { Sample } from "./encoder.ts";

function round(schema: Schema, value: unknown): CborValue {
  const { resolution } = schema as { resolution?: number };
  if (resolution === undefined) return value as CborValue;
  // Dividing by a whole number gives the shortest decimal; multiplying by 0.1 would not.
  const steps = Math.round(1 / resolution);
  if (steps > 1 && Math.abs(steps * resolution - 1) < 1e-9) {
    return Math.round((value as number) * steps) / steps;
  }
  return Math.round((value as number) / resolution) * resolution;
}

/**
 * The valid part of `values`, undefined if there is none: one broken sensor must not silence the others.
 * `onProblem` is told about every value left out. Members that are undefined count as not measured.
 */
export function takeSample(
  specs: Readonly<Record<string, TelemetrySpec>>,
  values: Readonly<Record<string, unknown>>,
  onProblem: (name: string, problem: string) => void,
): Sample | undefined {
  let sample: Record<string, CborValue> | undefined;
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value === undefined) continue;
    const spec = Object.hasOwn(specs, name) ? specs[name]! : undefined;
    const problem = spec ? validate(spec, value) : "is no telemetry of the model";
    if (spec && problem === undefined) {
      // Channels may be called like what objects inherit.
      sample ??= Object.create(null) as Record<string, CborValue>;
      sample[name] = round(spec, value);
    } else onProblem(name, problem ?? "");
  }
  return sample;
}
