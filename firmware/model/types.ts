/** The device model as an author writes it, and the TypeScript types derived from it (DTDL v2 subset). */

interface Described {
  displayName?: string;
  description?: string;
}

export interface BooleanSchema {
  type: "boolean";
}

export interface NumberSchema {
  /** `integer` is 32 bits wide; `long` is bounded by what a twin may hold (±2^52). */
  type: "integer" | "long" | "float" | "double";
  /** DTDL unit, for example "degreeCelsius". */
  unit?: string;
  min?: number;
  max?: number;
  /** Smallest step that means something; telemetry is rounded to it before it is encoded. */
  resolution?: number;
}

export interface StringSchema {
  type: "string";
  /** Longest accepted text in UTF-16 units; 4096 when absent. */
  maxLength?: number;
}

/** ISO 8601 date and time with a zone, as text. */
export interface DateTimeSchema {
  type: "dateTime";
}

export interface EnumSchema {
  type: "enum";
  values: readonly string[];
}

export interface ObjectSchema {
  type: "object";
  fields: Readonly<Record<string, Schema>>;
  /** Fields may be left out. */
  partial?: boolean;
}

export interface ArraySchema {
  type: "array";
  items: Schema;
  maxItems: number;
}

export type Schema =
  | BooleanSchema
  | NumberSchema
  | StringSchema
  | DateTimeSchema
  | EnumSchema
  | ObjectSchema
  | ArraySchema;

/** How urgent a channel is: `critical` leaves within its latency, `normal` fills a block, `bulk` waits for one. */
export type ChannelPriority = "critical" | "normal" | "bulk";

export type TelemetrySpec = Schema &
  Described & {
    /** Default `normal`. */
    priority?: ChannelPriority;
    /** Numbers only: largest error of a value after lossy encoding, in the channel's unit; absent: exact. */
    epsilon?: number;
    /** Numbers only: changes up to this are not sent (but see `BatchLimits.heartbeatMs`). */
    deadband?: number;
  };

/** `default` is what a writable property holds while the cloud has not asked for anything. */
export type PropertySpec = Schema & Described & { writable?: boolean; default?: unknown };

export interface CommandSpec extends Described {
  request?: Schema;
  response?: Schema;
}

export interface ModelSpec extends Described {
  /** DTMI, for example "dtmi:com:example:Thermostat;1". */
  id: string;
  telemetry?: Readonly<Record<string, TelemetrySpec>>;
  properties?: Readonly<Record<string, PropertySpec>>;
  commands?: Readonly<Record<string, CommandSpec>>;
}

declare const checked: unique symbol;

/** A specification that `defineModel` has checked. */
export type Model<S extends ModelSpec = ModelSpec> = S & { readonly [checked]: true };

/** The TypeScript type of a value of schema `S`. */
export type ValueOf<S> = S extends { type: "boolean" }
  ? boolean
  : S extends { type: NumberSchema["type"] }
    ? number
    : S extends { type: "string" | "dateTime" }
      ? string
      : S extends { type: "enum"; values: readonly (infer V)[] }
        ? V
        : S extends { type: "object"; fields: infer F }
          ? S extends { partial: true }
            ? { -readonly [K in keyof F]?: ValueOf<F[K]> }
            : { -readonly [K in keyof F]: ValueOf<F[K]> }
          : S extends { type: "array"; items: infer I }
            ? readonly ValueOf<I>[]
            : never;

type Section<M, K extends "telemetry" | "properties" | "commands"> = M extends {
  [P in K]: infer V;
}
  ? V
  : Record<never, never>;

/** One telemetry message: any subset of the channels; undefined: not measured. */
export type TelemetryOf<M> = {
  -readonly [K in keyof Section<M, "telemetry">]?: ValueOf<Section<M, "telemetry">[K]> | undefined;
};

/** Values a device reports: any subset of the properties. */
export type ReportOf<M> = {
  -readonly [K in keyof Section<M, "properties">]?: ValueOf<Section<M, "properties">[K]>;
};

export type WritableName<M> = {
  [K in keyof Section<M, "properties">]: Section<M, "properties">[K] extends { writable: true }
    ? K
    : never;
}[keyof Section<M, "properties">];

// biome-ignore lint/suspicious/noConfusingVoidType: lets handlers end with any call that returns nothing
export type Nothing = void;

type PropertyAt<M, K> = K extends keyof Section<M, "properties">
  ? Section<M, "properties">[K]
  : never;

/** Value of a writable property; `undefined` is possible only where the model gives no default. */
export type DesiredValue<M, K> =
  | ValueOf<PropertyAt<M, K>>
  | (PropertyAt<M, K> extends { default: unknown } ? never : undefined);

export type CommandName<M> = keyof Section<M, "commands">;

export type RequestOf<M, K extends CommandName<M>> = Section<M, "commands">[K] extends {
  request: infer S;
}
  ? ValueOf<S>
  : undefined;

export type ResponseOf<M, K extends CommandName<M>> = Section<M, "commands">[K] extends {
  response: infer S;
}
  ? ValueOf<S>
  : Nothing;
