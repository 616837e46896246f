// Tree of an IoT Hub query (docs "IoT Hub query language"): the subset over twins.

export type Scalar = string | number | boolean | null;

/** Property names from the twin down, for example `tags`, `location`, `region`. */
export type Path = readonly string[];

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

export type Condition =
  | { readonly kind: "and" | "or"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "not"; readonly operand: Condition }
  | {
      readonly kind: "compare";
      readonly path: Path;
      readonly operator: Comparison;
      readonly value: Scalar;
    }
  | {
      readonly kind: "in";
      readonly path: Path;
      readonly values: readonly Scalar[];
      readonly negated: boolean;
    }
  | { readonly kind: "test"; readonly name: TestName; readonly path: Path }
  | {
      readonly kind: "text";
      readonly name: TextName;
      readonly path: Path;
      readonly value: string;
    };

export const testNames = [
  "is_defined",
  "is_null",
  "is_bool",
  "is_number",
  "is_string",
  "is_object",
  "is_array",
  "is_primitive",
] as const;
export type TestName = (typeof testNames)[number];

export const textNames = ["startswith", "endswith", "contains"] as const;
export type TextName = (typeof textNames)[number];

export interface Column {
  readonly path: Path;
  readonly name: string;
}

export interface Query {
  readonly source: "devices" | "devices.modules";
  /** Rows at most, from `TOP`. */
  readonly top: number | undefined;
  /** `*`, a list of properties, or `COUNT()` under a name. */
  readonly select: "*" | { readonly count: string } | { readonly columns: readonly Column[] };
  readonly where: Condition | undefined;
}
