// Connection strings and the file by which other processes find a hub.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  deviceConnectionString,
  parseServiceConnection,
  x509ConnectionString,
} from "../../../host-tools/hub/connection-string.ts";
import { hubPaths, readContact, writeContact } from "../../../host-tools/hub/data-dir.ts";
import { UserError } from "../../../host-tools/user-error.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-contact-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a policy's string is read whatever the order and case of its fields", () => {
  const expected = { hostName: "localhost:8443", policy: "iothubowner", key: "a+/b==" };
  for (const text of [
    "HostName=localhost:8443;SharedAccessKeyName=iothubowner;SharedAccessKey=a+/b==",
    " sharedaccesskey=a+/b== ; hostname=localhost:8443;SharedAccessKeyName=iothubowner;",
  ])
    expect(parseServiceConnection(text)).toEqual(expected);
});

test("a missing field is named, a key never shown", () => {
  const text = "HostName=h;SharedAccessKey=c2VjcmV0";
  expect(() => parseServiceConnection(text)).toThrow("has no SharedAccessKeyName");
  fc.assert(
    fc.property(fc.string(), (noise) => {
      try {
        parseServiceConnection(`${text};${noise}`);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as Error).message).not.toContain("c2VjcmV0");
      }
    }),
    { seed: 20261120 },
  );
});

test("device strings", () => {
  expect(deviceConnectionString("h:1", "d", "k=")).toBe(
    "HostName=h:1;DeviceId=d;SharedAccessKey=k=",
  );
  expect(x509ConnectionString("h:1", "d")).toBe("HostName=h:1;DeviceId=d;x509=true");
});

test("a contact is read back; none is no error; a damaged one is named", () => {
  const paths = hubPaths(folder);
  expect(readContact(paths)).toBeUndefined();
  const contact = {
    pid: 7,
    hostName: "localhost",
    address: "127.0.0.1",
    mqttsPort: 1,
    httpsPort: 2,
    caFile: "/ca.pem",
    ownerConnectionString: "secret",
  };
  writeContact(paths, contact);
  expect(readContact(paths)).toEqual(contact);
  for (const text of ["", "{", "[]", "null", '{"httpsPort":"2"}']) {
    writeFileSync(paths.contact, text);
    expect(() => readContact(paths)).toThrow(
      expect.objectContaining({ code: "contact-damaged", hint: `rm ${paths.contact}` }),
    );
  }
});
