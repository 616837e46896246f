// The compiler's part of the model: unknown names and wrong types do not compile (checked by tsc -b).
import { defineModel } from "godwit/model/define";
import type {
  CommandName,
  DesiredValue,
  ReportOf,
  RequestOf,
  ResponseOf,
  TelemetryOf,
  WritableName,
} from "godwit/model/types";
import { expectTypeOf, test } from "vitest";

const model = defineModel({
  id: "dtmi:com:example:Typed;1",
  telemetry: { temperature: { type: "double" }, door: { type: "boolean" } },
  properties: {
    target: { type: "double", writable: true, default: 21 },
    mode: { type: "enum", values: ["heat", "cool"], writable: true },
    serial: { type: "string" },
  },
  commands: {
    reboot: { request: { type: "integer" } },
    report: {
      response: { type: "object", fields: { max: { type: "double" }, at: { type: "dateTime" } } },
    },
    readings: { response: { type: "array", items: { type: "float" }, maxItems: 4 } },
  },
});
type M = typeof model;

test("types follow from the model", () => {
  expectTypeOf<TelemetryOf<M>>().toEqualTypeOf<{
    temperature?: number | undefined;
    door?: boolean | undefined;
  }>();
  expectTypeOf<ReportOf<M>>().toEqualTypeOf<{
    target?: number;
    mode?: "heat" | "cool";
    serial?: string;
  }>();
  expectTypeOf<WritableName<M>>().toEqualTypeOf<"target" | "mode">();
  expectTypeOf<DesiredValue<M, "target">>().toEqualTypeOf<number>();
  expectTypeOf<DesiredValue<M, "mode">>().toEqualTypeOf<"heat" | "cool" | undefined>();
  expectTypeOf<CommandName<M>>().toEqualTypeOf<"reboot" | "report" | "readings">();
  expectTypeOf<RequestOf<M, "reboot">>().toEqualTypeOf<number>();
  expectTypeOf<RequestOf<M, "report">>().toEqualTypeOf<undefined>();
  expectTypeOf<ResponseOf<M, "report">>().toEqualTypeOf<{ max: number; at: string }>();
  expectTypeOf<ResponseOf<M, "readings">>().toEqualTypeOf<readonly number[]>();
  expectTypeOf<ResponseOf<M, "reboot">>().toEqualTypeOf<void>();
});

test("mistakes do not compile", () => {
  const telemetry: TelemetryOf<M> = {};
  // @ts-expect-error unknown channel
  telemetry.humidity = 1;
  // @ts-expect-error wrong type
  telemetry.temperature = "warm";
  // @ts-expect-error not one of the values
  const report: ReportOf<M> = { mode: "dry" };
  // @ts-expect-error read-only properties are not desired
  const name: WritableName<M> = "serial";
  const never = () =>
    defineModel({
      id: "dtmi:a;1",
      // @ts-expect-error no such type
      telemetry: { a: { type: "number" } },
    });
  expectTypeOf(report).toBeObject();
  expectTypeOf(name).toBeString();
  expectTypeOf(never).toBeFunction();
});
