/** Credentials: every mistake is named by its field, and no secret is ever quoted. */
import { describe, expect, it } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import {
  parseConnectionString,
  readIdentity,
  readTls,
} from "../../../firmware/connection/credentials.ts";
import { MemoryKeyValue } from "../../../host-tools/sim/storage.ts";

const SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";

function storeOf(values: Record<string, string | Uint8Array>): MemoryKeyValue {
  const store = new MemoryKeyValue();
  for (const [key, value] of Object.entries(values))
    store.write(key, typeof value === "string" ? new TextEncoder().encode(value) : value);
  return store;
}

describe("parseConnectionString", () => {
  it("reads a device's string, with a port, a gateway and any order", () => {
    const text = `SharedAccessKey=${SECRET};DeviceId=dev 1`.replace(" ", ".");
    expect(
      parseConnectionString(` HostName=localhost:18883;${text};GatewayHostName=edge.local;\n`),
    ).toEqual({
      kind: "hub",
      host: "localhost:18883",
      gateway: "edge.local",
      deviceId: "dev.1",
      key: new TextEncoder().encode("secret-secret-secret"),
    });
    expect(parseConnectionString("HostName=h;DeviceId=d;x509=true")).toEqual({
      kind: "hub",
      host: "h",
      deviceId: "d",
    });
  });

  it.each([
    ["", "HostName is missing"],
    ["nonsense", "without '='"],
    [`DeviceId=d;SharedAccessKey=${SECRET}`, "HostName is missing"],
    [`HostName=h;SharedAccessKey=${SECRET}`, "DeviceId is missing"],
    ["HostName=h;DeviceId=d", "SharedAccessKey is missing"],
    ["HostName=h;DeviceId=d;SharedAccessKey=", "SharedAccessKey is missing"],
    ["HostName=h;DeviceId=d;SharedAccessKey=*secret*", "SharedAccessKey is not base64"],
    [`HostName=h h;DeviceId=d;SharedAccessKey=${SECRET}`, "HostName is not a host name"],
    [`HostName=h/x;DeviceId=d;SharedAccessKey=${SECRET}`, "HostName is not a host name"],
    [`HostName=h;HostName=h;DeviceId=d;SharedAccessKey=${SECRET}`, "HostName stands twice"],
    [`HostName=h;DeviceId=a/b;SharedAccessKey=${SECRET}`, "DeviceId holds a character"],
    [`HostName=h;DeviceId=a#;SharedAccessKey=${SECRET}`, "DeviceId holds a character"],
    [`HostName=h;DeviceId=${"d".repeat(129)};SharedAccessKey=${SECRET}`, "at most 128"],
    [`HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=${SECRET}`, "service policy"],
    [`HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${SECRET}`, "ModuleId"],
    [`HostName=h;DeviceId=d;x509=true;SharedAccessKey=${SECRET}`, "exclude each other"],
    [`HostName=h;DeviceId=d;Colour=red;SharedAccessKey=${SECRET}`, "unknown field Colour"],
    ["HostName=h;DeviceId=d;SharedAccessSignature=SharedAccessSignature sr=x", "would expire"],
  ])("refuses %j", (text, message) => {
    expect(() => parseConnectionString(text)).toThrow(GodwitError);
    expect(() => parseConnectionString(text)).toThrow(message);
    expect(() => parseConnectionString(text)).not.toThrow(/secret|c2Vj/);
  });
});

describe("readIdentity", () => {
  it("reads provisioning credentials, with and without a key", () => {
    const store = storeOf({ "dps.scope": "0ne1", "dps.regid": "sn-1", "dps.key": SECRET });
    expect(readIdentity(store)).toMatchObject({
      kind: "dps",
      host: "global.azure-devices-provisioning.net",
      scope: "0ne1",
      registrationId: "sn-1",
    });
    store.delete("dps.key");
    expect(readIdentity(store).key).toBeUndefined();
  });

  it.each([
    [{}, "store hub.conn"],
    [{ "dps.scope": "0ne1" }, "dps.scope and dps.regid"],
    [{ "hub.conn": new Uint8Array([0xff]) }, "hub.conn is not UTF-8"],
    [{ "dps.scope": "s", "dps.regid": "a+b" }, "dps.regid holds a character"],
    [{ "dps.scope": "s", "dps.regid": "a", "dps.key": "!" }, "dps.key is not base64"],
  ])("names what is wrong with %j", (values, message) => {
    expect(() => readIdentity(storeOf(values))).toThrow(message);
  });
});

describe("readTls", () => {
  const der = (length: number) =>
    Uint8Array.from([0x30, 0x81, length, ...new Array(length).fill(7)]);

  it("splits concatenated certificates and falls back to the given roots", () => {
    const base = { roots: [Uint8Array.of(1)] };
    const two = new Uint8Array([...der(200), ...der(130)]);
    const store = storeOf({ "tls.cert": two, "tls.key": der(140) });
    const tls = readTls(store, base, true);
    expect(tls.clientCertificates?.map((part) => part.length)).toEqual([203, 133]);
    expect(tls.roots).toBe(base.roots);
    expect(readTls(store, base, false).clientKey).toBeUndefined();
  });

  it.each([
    [{}, "store tls.cert and tls.key"],
    [{ "tls.cert": der(140) }, "store tls.cert and tls.key"],
    [{ "tls.cert": "-----BEGIN CERTIFICATE-----", "tls.key": der(140) }, "tls.cert: no DER"],
    [{ "tls.cert": der(140).subarray(0, 100), "tls.key": der(140) }, "tls.cert: no DER"],
  ])("names what is wrong with %j", (values, message) => {
    expect(() => readTls(storeOf(values as Record<string, string>), undefined, true)).toThrow(
      message,
    );
  });
});
