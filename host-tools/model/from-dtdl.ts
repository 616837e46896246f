// A DTDL v2 interface as a device model: telemetry, properties and commands; anything else is refused by name.
import { GodwitError } from "../../firmware/codec/error.ts";
import { defineModel } from "../../firmware/model/define.ts";
import type { Model, ModelSpec, Schema } from "../../firmware/model/types.ts";
import { commentPrefix, type DtdlObject, extraKeys } from "./to-dtdl.ts";

const context = "dtmi:dtdl:context;2";
const arrayItemsDefault = 64;
const primitives = ["boolean", "integer", "long", "float", "double", "string", "dateTime"];
const interfaceKeys = "@context @id @type displayName description comment contents";
const contentKeys = "@id @type name displayName description comment schema unit writable";
const commandKeys = "@id @type name displayName description comment request response commandType";

function fail(where: string, problem: string): never {
  throw new GodwitError("malformed", `DTDL: ${where} ${problem}`);
}

function objectAt(where: string, value: unknown): DtdlObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as DtdlObject;
  }
  return fail(where, "is not an object");
}

function listAt(where: string, value: unknown): unknown[] {
  return Array.isArray(value) ? value : fail(where, "is not a list");
}

function nameAt(where: string, value: DtdlObject): string {
  return typeof value.name === "string" ? value.name : fail(where, "has no name");
}

function checkKeys(where: string, value: DtdlObject, known: string): void {
  for (const key of Object.keys(value)) {
    if (!known.split(" ").includes(key)) fail(where, `uses "${key}", which is not supported`);
  }
}

/** Localized texts are reduced to English, or to the first language there is. */
function text(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return value as string | undefined;
  return String((value as DtdlObject).en ?? Object.values(value)[0]);
}

function described(value: DtdlObject): DtdlObject {
  const displayName = text(value.displayName);
  const description = text(value.description);
  return {
    ...(displayName !== undefined && { displayName }),
    ...(description !== undefined && { description }),
  };
}

/** What `toDtdl` wrote into the comment; a comment by somebody else says nothing. */
function extras(where: string, comment: unknown): DtdlObject {
  if (typeof comment !== "string" || !comment.startsWith(commentPrefix)) return {};
  try {
    const all = objectAt(where, JSON.parse(comment.slice(commentPrefix.length)));
    const known: string[] = [...extraKeys, "unit"];
    return Object.fromEntries(Object.entries(all).filter(([key]) => known.includes(key)));
  } catch {
    return fail(where, "has a damaged godwit comment");
  }
}

function entries<T>(
  where: string,
  list: unknown,
  read: (where: string, item: DtdlObject) => T,
): [string, T][] {
  return listAt(where, list).map((value, i) => {
    const item = objectAt(`${where}[${i}]`, value);
    const name = nameAt(`${where}[${i}]`, item);
    return [name, read(`${where}.${name}`, item)];
  });
}

function schemaAt(where: string, schema: unknown): DtdlObject {
  if (typeof schema === "string") {
    if (primitives.includes(schema)) return { type: schema };
    return fail(where, `has the schema "${schema}"; supported are ${primitives.join(", ")}`);
  }
  const complex = objectAt(where, schema);
  switch (complex["@type"]) {
    case "Enum": {
      if (complex.valueSchema !== "string") fail(where, "is an Enum of integers; use strings");
      const values = entries(`${where}.enumValues`, complex.enumValues, (at, item) =>
        item.enumValue === item.name ? item.name : fail(at, "has a value unlike its name"),
      );
      return { type: "enum", values: values.map(([name]) => name) };
    }
    case "Object": {
      const fields = entries(`${where}.fields`, complex.fields, (at, field) => ({
        ...schemaAt(at, field.schema),
        ...extras(at, field.comment),
      }));
      return { type: "object", fields: Object.fromEntries(fields) };
    }
    case "Array": {
      const { elementSchema, comment } = complex;
      const items = { ...schemaAt(`${where}[]`, elementSchema), ...extras(where, comment) };
      return { type: "array", items, maxItems: arrayItemsDefault };
    }
    default:
      return fail(where, `has the schema type "${complex["@type"]}"`);
  }
}

function payloadAt(where: string, name: string, value: unknown): DtdlObject {
  if (value === undefined) return {};
  const payload = objectAt(where, value);
  return { [name]: { ...schemaAt(where, payload.schema), ...extras(where, payload.comment) } };
}

function contentAt(where: string, kind: string, value: DtdlObject): [string, DtdlObject] {
  if (kind === "Command") {
    checkKeys(where, value, commandKeys);
    return [
      "commands",
      {
        ...described(value),
        ...payloadAt(`${where}.request`, "request", value.request),
        ...payloadAt(`${where}.response`, "response", value.response),
      },
    ];
  }
  if (kind !== "Telemetry" && kind !== "Property") {
    return fail(where, `is a ${kind}, which is not supported`);
  }
  checkKeys(where, value, contentKeys);
  return [
    kind === "Telemetry" ? "telemetry" : "properties",
    {
      ...schemaAt(where, value.schema),
      ...described(value),
      ...(value.unit !== undefined && { unit: value.unit }),
      ...(value.writable === true && { writable: true }),
      ...extras(where, value.comment),
    },
  ];
}

/**
 * Reads a DTDL v2 interface (parsed JSON).
 * @throws GodwitError `malformed` for what is not supported, `argument` for an impossible model; both name the place
 */
export function fromDtdl(value: unknown): Model<ModelSpec> {
  const dtdl = objectAt("interface", value);
  checkKeys("interface", dtdl, interfaceKeys);
  const contexts = Array.isArray(dtdl["@context"]) ? dtdl["@context"] : [dtdl["@context"]];
  if (!contexts.includes(context)) fail("@context", `is not ${context}`);
  if (dtdl["@type"] !== "Interface") fail("@type", "is not Interface");
  const sections: Record<string, Record<string, Schema>> = {};
  const names = new Set<string>();
  for (const [i, item] of listAt("contents", dtdl.contents ?? []).entries()) {
    const content = objectAt(`contents[${i}]`, item);
    const name = nameAt(`contents[${i}]`, content);
    if (names.has(name)) fail(`contents.${name}`, "stands there twice");
    names.add(name);
    const kinds = Array.isArray(content["@type"]) ? content["@type"] : [content["@type"]];
    const [section, spec] = contentAt(`contents.${name}`, String(kinds[0]), content);
    sections[section] = { ...sections[section], [name]: spec as unknown as Schema };
  }
  return defineModel({ id: String(dtdl["@id"]), ...described(dtdl), ...sections } as ModelSpec);
}
