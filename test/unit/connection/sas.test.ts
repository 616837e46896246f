/** SAS tokens against node:crypto and Microsoft's own implementation; the verifier's parser against bad tokens. */
import { createHash, createHmac } from "node:crypto";
import { SharedAccessSignature } from "azure-iot-common";
import { describe, expect, it } from "vitest";
import { decodeBase64 } from "../../../firmware/codec/base64.ts";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { deriveDeviceKey, sasSignature, signSas } from "../../../firmware/connection/sas.ts";
import { parseSas } from "../../../firmware/connection/sas-parse.ts";
import type { Digest, Hash } from "../../../firmware/ports/digest.ts";

const digest: Digest = {
  sha256() {
    const inner = createHash("sha256");
    const hash: Hash = {
      update(bytes) {
        inner.update(bytes);
        return hash;
      },
      finish: () => new Uint8Array(inner.digest()),
    };
    return hash;
  },
};

const KEY = createHash("sha256").update("a test key").digest("base64");
const RESOURCES = [
  "hub.azure-devices.net/devices/dev1",
  "localhost:18883/devices/dev-1",
  "0ne00000001/registrations/reg1",
  "hub/devices/a b%/ü",
];

describe("signSas", () => {
  it.each(RESOURCES)("signs %s as Microsoft's SharedAccessSignature does", (resource) => {
    const ours = parseSas(signSas(digest, decodeBase64(KEY), resource, 1_795_192_426));
    const theirs = SharedAccessSignature.create(
      encodeURIComponent(resource),
      undefined as unknown as string,
      KEY,
      1_795_192_426,
    ) as unknown as { sr: string; sig: string; se: number };
    expect(ours.sr).toBe(theirs.sr);
    expect(ours.sig).toBe(decodeURIComponent(theirs.sig));
    expect(ours.expiryS).toBe(theirs.se);
    expect(ours.resource).toBe(resource);
    const expected = createHmac("sha256", Buffer.from(KEY, "base64"))
      .update(`${encodeURIComponent(resource)}\n1795192426`)
      .digest("base64");
    expect(ours.sig).toBe(expected);
  });

  it("produces a token that Microsoft's parser takes", () => {
    const token = signSas(digest, decodeBase64(KEY), RESOURCES[2]!, 1_795_192_426, "registration");
    const parsed = SharedAccessSignature.parse(token) as unknown as Record<string, string>;
    expect(parsed.skn).toBe("registration");
    expect(parsed.se).toBe("1795192426");
  });

  it("verifies over the raw sr, encoded or not", () => {
    for (const sr of ["0ne1/registrations/r", "0ne1%2fregistrations%2Fr"]) {
      const sig = sasSignature(digest, decodeBase64(KEY), sr, "1795192426");
      const token = `SharedAccessSignature sig=${encodeURIComponent(sig)}&se=1795192426&sr=${sr}`;
      expect(parseSas(token)).toMatchObject({ sr, sig, resource: "0ne1/registrations/r" });
    }
  });
});

it("derives the key of a group's device as the provisioning service does", () => {
  const expected = createHmac("sha256", Buffer.from(KEY, "base64"))
    .update("sn-007")
    .digest("base64");
  expect(deriveDeviceKey(digest, KEY, "SN-007")).toBe(expected);
});

describe("parseSas", () => {
  it.each([
    ["", "does not begin with"],
    ["SharedAccessSignature sr=a&sig=b", "field se is missing"],
    ["SharedAccessSignature sr=a&se=1", "field sig is missing"],
    ["SharedAccessSignature sig=a&se=1", "field sr is missing"],
    ["SharedAccessSignature sr=a&sr=b&sig=c&se=1", "two fields sr"],
    ["SharedAccessSignature sr=a&sig=c&se=soon", "se is not a time"],
    ["SharedAccessSignature sr=a&sig=c&se=1&x=1", "unknown field"],
    ["SharedAccessSignature sr&sig=c&se=1", "sr has no value"],
    [`SharedAccessSignature sr=${"a".repeat(2000)}&sig=c&se=1`, "longer than"],
    ["SharedAccessSignature sr=%zz&sig=c&se=1", "bad escape"],
  ])("refuses %j", (token, message) => {
    expect(() => parseSas(token)).toThrow(GodwitError);
    expect(() => parseSas(token)).toThrow(message);
  });
});
