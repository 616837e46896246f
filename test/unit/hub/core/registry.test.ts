// The identity registry: ids, keys, thumbprints, etags, modules.
import { expect, test } from "vitest";
import { hubWorld } from "../../../support/hub-world.ts";

const code = (value: number): unknown => expect.objectContaining({ code: value });

test("keys are generated, kept and replaced; the generation changes with a new life", () => {
  const { hub } = hubWorld();
  const made = hub.registry.create({ deviceId: "d" });
  if (made.authentication.type !== "sas") throw new Error("no keys");
  const { primaryKey, secondaryKey } = made.authentication.symmetricKey;
  expect(Buffer.from(primaryKey, "base64")).toHaveLength(32);
  expect(primaryKey).not.toBe(secondaryKey);
  const kept = hub.registry.update({ deviceId: "d", statusReason: "why not" });
  expect(kept.authentication).toEqual(made.authentication);
  const key = Buffer.alloc(32, 7).toString("base64");
  const changed = hub.registry.update({
    deviceId: "d",
    authentication: { type: "sas", symmetricKey: { primaryKey: key, secondaryKey } },
  });
  expect(changed.authentication).toMatchObject({ symmetricKey: { primaryKey: key, secondaryKey } });
  hub.registry.remove({ deviceId: "d" });
  expect(hub.registry.create({ deviceId: "d" }).generationId).not.toBe(made.generationId);
});

test.each(["", "a b", "a/b", "a#", "ü", "x".repeat(129)])("%o is no id", (deviceId) => {
  expect(() => hubWorld().hub.registry.create({ deviceId })).toThrow(code(400004));
});

test("refusals: twice the same, unknown, stale etag, bad key, bad thumbprint, none at all", () => {
  const { registry } = hubWorld().hub;
  const { etag } = registry.create({ deviceId: "d" });
  expect(() => registry.create({ deviceId: "d" })).toThrow(code(409001));
  expect(() => registry.create({ deviceId: "x", moduleId: "m" })).toThrow(code(404001));
  registry.create({ deviceId: "d", moduleId: "m" });
  expect(() => registry.create({ deviceId: "d", moduleId: "m" })).toThrow(code(409301));
  expect(() => registry.get({ deviceId: "d", moduleId: "n" })).toThrow(code(404010));
  registry.update({ deviceId: "d", status: "disabled" }, etag);
  expect(() => registry.update({ deviceId: "d" }, etag)).toThrow(code(412001));
  expect(() => registry.remove({ deviceId: "d" }, `"${etag}"`)).toThrow(code(412001));
  const symmetricKey = { primaryKey: "short" };
  expect(() =>
    registry.create({ deviceId: "k", authentication: { type: "sas", symmetricKey } }),
  ).toThrow(code(400004));
  for (const primaryThumbprint of ["abc", null]) {
    const x509Thumbprint = { primaryThumbprint, secondaryThumbprint: null };
    expect(() =>
      registry.create({ deviceId: "t", authentication: { type: "selfSigned", x509Thumbprint } }),
    ).toThrow(code(400004));
  }
});

test("thumbprints are normalised; counts follow the status", () => {
  const { registry } = hubWorld().hub;
  const x509Thumbprint = { primaryThumbprint: `${"ab:".repeat(19)}ab`, secondaryThumbprint: "" };
  const made = registry.create({
    deviceId: "t",
    status: "disabled",
    authentication: { type: "selfSigned", x509Thumbprint },
  });
  expect(made.authentication).toMatchObject({
    x509Thumbprint: { primaryThumbprint: "AB".repeat(20), secondaryThumbprint: null },
  });
  registry.create({ deviceId: "a" });
  registry.create({ deviceId: "a", moduleId: "m" });
  expect(registry.count()).toEqual({ total: 2, enabled: 1, disabled: 1 });
  expect([...registry.devices()].map(({ deviceId }) => deviceId)).toEqual(["a", "t"]);
  expect([...registry.modules("a")]).toHaveLength(1);
});
