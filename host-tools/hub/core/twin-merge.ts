// JSON merge patch (RFC 7396) with the `$metadata` tree of IoT Hub beside the values.
import { isObject, type JsonObject } from "./json.ts";

/** When and with which version of the section a value was written. */
export interface Stamp {
  time: string;
  version: number;
}

/** A section of a twin: values, their version, and the metadata tree that mirrors them. */
export interface TwinSection {
  values: JsonObject;
  metadata: JsonObject;
  version: number;
}

/** Objects without prototype: `__proto__` is a key like any other in a twin. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

export function emptySection(time: string): TwinSection {
  const metadata = emptyObject();
  metadata.$lastUpdated = time;
  return { values: emptyObject(), metadata, version: 1 };
}

/** The section after the patch; the old one is not touched. Unchanged branches are shared. */
export function mergeSection(section: TwinSection, patch: JsonObject, time: string): TwinSection {
  const stamp = { time, version: section.version + 1 };
  return {
    values: mergeValues(section.values, patch),
    metadata: mergeMetadata(section.metadata, patch, stamp),
    version: stamp.version,
  };
}

/** The section with all its values replaced. */
export function replaceSection(
  section: TwinSection,
  values: JsonObject,
  time: string,
): TwinSection {
  return mergeSection({ ...emptySection(time), version: section.version }, values, time);
}

/** RFC 7396 for objects: null deletes, objects merge, all else replaces. */
export function mergeValues(target: JsonObject, patch: JsonObject): JsonObject {
  const result = copy(target);
  for (const key of Object.keys(patch)) {
    const value = patch[key]!;
    if (value === null) {
      delete result[key];
    } else if (isObject(value)) {
      const old = result[key];
      result[key] = mergeValues(isObject(old) ? old : emptyObject(), value);
    } else {
      result[key] = value;
    }
  }
  return result;
}

function mergeMetadata(target: JsonObject, patch: JsonObject, stamp: Stamp): JsonObject {
  const result = copy(target);
  result.$lastUpdated = stamp.time;
  result.$lastUpdatedVersion = stamp.version;
  for (const key of Object.keys(patch)) {
    const value = patch[key]!;
    if (value === null) {
      delete result[key];
      continue;
    }
    const old = result[key];
    const branch = isObject(old) && isObject(value) ? old : emptyObject();
    result[key] = mergeMetadata(branch, isObject(value) ? value : emptyObject(), stamp);
  }
  return result;
}

function copy(source: JsonObject): JsonObject {
  const result = emptyObject();
  for (const key of Object.keys(source)) result[key] = source[key]!;
  return result;
}
