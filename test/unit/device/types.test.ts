// The compiler's part of the device: names and types come from the model (checked by tsc -b).
import { createDevice } from "godwit/device";
import type { Device } from "godwit/device/types";
import { expectTypeOf, test } from "vitest";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { type Thermo, thermoModel } from "../../support/thermo.ts";

const platform = new NodePlatform(new World({ seed: 1 }), { name: "typed" });
const commands = { reboot: () => {}, echo: (text: string) => text, slow: () => 1, fail: () => {} };

test("mistakes do not compile", () => {
  const never = (device: Device<Thermo>) => {
    device.send({ temperature: 21, door: true });
    // @ts-expect-error no such channel
    device.send({ humidity: 1 });
    // @ts-expect-error wrong type
    device.send({ temperature: "warm" });
    device.report({ serial: "S1", uptime: 3 });
    // @ts-expect-error no such property
    device.report({ colour: "red" });
    // @ts-expect-error not one of the values
    device.report({ mode: "dry" });
    expectTypeOf(device.get("target")).toEqualTypeOf<number>();
    expectTypeOf(device.get("mode")).toEqualTypeOf<"heat" | "cool" | undefined>();
    expectTypeOf(device.get("serial")).toEqualTypeOf<string | undefined>();
    // @ts-expect-error no such property
    device.get("colour");
    // @ts-expect-error the model has commands: their handlers are needed
    createDevice(thermoModel, platform, {});
    // @ts-expect-error one handler is missing
    createDevice(thermoModel, platform, { commands: { reboot: () => {} } });
    // @ts-expect-error the response must be text
    createDevice(thermoModel, platform, { commands: { ...commands, echo: () => 5 } });
    createDevice(thermoModel, platform, {
      commands,
      desired: {
        target: (value, version) => {
          expectTypeOf(value).toEqualTypeOf<number>();
          expectTypeOf(version).toEqualTypeOf<number>();
        },
        // @ts-expect-error a read-only property is never desired
        serial: () => {},
      },
    });
  };
  expectTypeOf(never).toBeFunction();
});
