// A device model as a DTDL v2 interface. What DTDL cannot say (ranges, resolution, defaults) stands in `comment`.
import type {
  CommandSpec,
  ModelSpec,
  PropertySpec,
  Schema,
  TelemetrySpec,
} from "../../firmware/model/types.ts";
import { semanticTypeByUnit } from "./dtdl-terms-table.ts";

export type DtdlObject = { [key: string]: unknown };

/** Begins the comment that carries what `fromDtdl` reads back. */
export const commentPrefix = "godwit: ";
/** Keys of a schema that DTDL v2 has no words for. */
export const extraKeys = [
  "min",
  "max",
  "resolution",
  "maxLength",
  "maxItems",
  "default",
  "priority",
  "epsilon",
  "deadband",
  "partial",
] as const;

function schemaOf(schema: Schema): unknown {
  switch (schema.type) {
    case "enum":
      return {
        "@type": "Enum",
        valueSchema: "string",
        enumValues: schema.values.map((name) => ({ name, enumValue: name })),
      };
    case "object":
      return {
        "@type": "Object",
        fields: Object.entries(schema.fields).map(([name, field]) => ({
          name,
          schema: schemaOf(field),
          ...comment(field),
        })),
      };
    case "array":
      return { "@type": "Array", elementSchema: schemaOf(schema.items), ...comment(schema.items) };
    default:
      return schema.type;
  }
}

/** `isContent`: telemetry and properties have a place for their unit, parts of them and payloads have none. */
function comment(schema: Schema, isContent = false): DtdlObject {
  const extras: DtdlObject = {};
  const all: DtdlObject = { ...schema };
  for (const key of extraKeys) if (key in all) extras[key] = all[key];
  if (all.unit !== undefined && !(isContent && semanticTypeByUnit[String(all.unit)])) {
    extras.unit = all.unit;
  }
  return Object.keys(extras).length > 0 ? { comment: commentPrefix + JSON.stringify(extras) } : {};
}

function described(spec: { displayName?: string; description?: string }): DtdlObject {
  const { displayName, description } = spec;
  return {
    ...(displayName !== undefined && { displayName }),
    ...(description !== undefined && { description }),
  };
}

function content(kind: string, name: string, spec: TelemetrySpec | PropertySpec): DtdlObject {
  const { unit } = spec as { unit?: string };
  const semanticType = unit === undefined ? undefined : semanticTypeByUnit[unit];
  return {
    "@type": semanticType ? [kind, semanticType] : kind,
    name,
    ...described(spec),
    schema: schemaOf(spec),
    ...(semanticType && { unit }),
    ...("writable" in spec && spec.writable && { writable: true }),
    ...comment(spec, true),
  };
}

function payload(name: string, schema: Schema | undefined): DtdlObject {
  return schema ? { [name]: { name, schema: schemaOf(schema), ...comment(schema) } } : {};
}

function command(name: string, spec: CommandSpec): DtdlObject {
  return {
    "@type": "Command",
    name,
    ...described(spec),
    ...payload("request", spec.request),
    ...payload("response", spec.response),
  };
}

/** The DTDL v2 interface of a model, ready for JSON. */
export function toDtdl(model: ModelSpec): DtdlObject {
  const { telemetry = {}, properties = {}, commands = {} } = model;
  return {
    "@context": "dtmi:dtdl:context;2",
    "@id": model.id,
    "@type": "Interface",
    ...described(model),
    contents: [
      ...Object.entries(telemetry).map(([name, spec]) => content("Telemetry", name, spec)),
      ...Object.entries(properties).map(([name, spec]) => content("Property", name, spec)),
      ...Object.entries(commands).map(([name, spec]) => command(name, spec)),
    ],
  };
}
