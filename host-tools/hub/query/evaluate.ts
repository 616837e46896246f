// Whether a twin meets a condition, and what a query shows of it. Conditions over missing properties
// or other types are undefined, which NOT leaves undefined: such a twin is not found.
import type { Json, JsonObject } from "../core/json.ts";
import type { Comparison, Condition, Path, Query, Scalar, TestName } from "./ast.ts";

/** Value at a path; undefined when it is missing. Own properties only: names come from outside. */
function valueAt(row: JsonObject, path: Path): Json | undefined {
  let value: Json | undefined = row;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

function compare(
  value: Json | undefined,
  operator: Comparison,
  other: Scalar,
): boolean | undefined {
  if (value === undefined) return undefined;
  if (operator === "=" || operator === "!=") {
    const comparable = value === null || other === null || typeof value === typeof other;
    return comparable ? (value === other) === (operator === "=") : undefined;
  }
  if (typeof value !== typeof other || (typeof value !== "number" && typeof value !== "string"))
    return undefined;
  const limit = other as typeof value;
  if (operator === "<") return value < limit;
  if (operator === "<=") return value <= limit;
  if (operator === ">") return value > limit;
  return value >= limit;
}

function test(value: Json | undefined, name: TestName): boolean {
  const isContainer = typeof value === "object" && value !== null;
  switch (name) {
    case "is_defined":
      return value !== undefined;
    case "is_null":
      return value === null;
    case "is_bool":
      return typeof value === "boolean";
    case "is_number":
      return typeof value === "number";
    case "is_string":
      return typeof value === "string";
    case "is_array":
      return Array.isArray(value);
    case "is_object":
      return isContainer && !Array.isArray(value);
    case "is_primitive":
      return value !== undefined && !isContainer;
  }
}

/** Three-valued truth of a condition. */
export function evaluate(condition: Condition, row: JsonObject): boolean | undefined {
  switch (condition.kind) {
    case "not": {
      const operand = evaluate(condition.operand, row);
      return operand === undefined ? undefined : !operand;
    }
    case "and":
    case "or": {
      const decisive = condition.kind === "or";
      const left = evaluate(condition.left, row);
      if (left === decisive) return decisive;
      const right = evaluate(condition.right, row);
      if (right === decisive) return decisive;
      return left === undefined || right === undefined ? undefined : !decisive;
    }
    case "compare":
      return compare(valueAt(row, condition.path), condition.operator, condition.value);
    case "in": {
      const value = valueAt(row, condition.path);
      if (value === undefined) return undefined;
      return condition.values.some((candidate) => candidate === value) !== condition.negated;
    }
    case "test":
      return test(valueAt(row, condition.path), condition.name);
    case "text": {
      const value = valueAt(row, condition.path);
      if (typeof value !== "string") return undefined;
      if (condition.name === "startswith") return value.startsWith(condition.value);
      if (condition.name === "endswith") return value.endsWith(condition.value);
      return value.includes(condition.value);
    }
  }
}

/** Whether a row belongs to a query's result. */
export function matches({ where }: Query, row: JsonObject): boolean {
  return where === undefined || evaluate(where, row) === true;
}

/** What a query shows of a row. */
export function project({ select }: Query, row: JsonObject): JsonObject {
  if (select === "*" || "count" in select) return row;
  const shown: [string, Json][] = [];
  for (const { path, name } of select.columns) {
    const value = valueAt(row, path);
    if (value !== undefined) shown.push([name, value]);
  }
  // fromEntries defines own properties, also for a column that is called __proto__.
  return Object.fromEntries(shown);
}

/** All rows a query gives for the rows of its source. */
export function runQuery(query: Query, rows: Iterable<JsonObject>): JsonObject[] {
  const { select, top = Number.POSITIVE_INFINITY } = query;
  const isCount = select !== "*" && "count" in select;
  const found: JsonObject[] = [];
  let count = 0;
  for (const row of rows) {
    if (!matches(query, row)) continue;
    count += 1;
    if (!isCount) found.push(project(query, row));
    if (count >= top) break;
  }
  return isCount ? [Object.fromEntries([[select.count, count]])] : found;
}
