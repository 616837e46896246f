// DPS enrollments as JSON of the provisioning service API (api-version 2021-10-01).
import { X509Certificate } from "node:crypto";
import type {
  Attestation,
  EnrollmentBase,
  EnrollmentGroup,
  EnrollmentSpec,
  IndividualEnrollment,
  Registration,
} from "../core/enrollment.ts";
import { isoTime } from "../core/environment.ts";
import { isObject, type JsonObject } from "../core/json.ts";
import { symmetricKeys } from "./device-wire.ts";
import { invalid, optionalBoolean, optionalObject, optionalText, optionalWord } from "./input.ts";

type X509Attestation = Extract<EnrollmentSpec["attestation"], { type: "x509" }>;

/** The certificate of an attestation as PEM: it comes as PEM or as base64 of the DER. */
function certificatePem(text: string): string {
  try {
    const isPem = text.includes("-----BEGIN");
    return new X509Certificate(isPem ? text : Buffer.from(text, "base64")).toString();
  } catch {
    throw invalid("the attestation's certificate cannot be read");
  }
}

/** One slot (primary or secondary): the certificate, or its thumbprint alone. */
function addSlot(
  slot: JsonObject | undefined,
  to: { thumbprints: string[]; certificates: string[] },
) {
  if (!slot) return;
  const certificate = optionalText(slot, "certificate");
  if (certificate) {
    to.certificates.push(certificatePem(certificate));
    return;
  }
  const info = optionalObject(slot, "info");
  const print =
    info && (optionalText(info, "sha256Thumbprint") ?? optionalText(info, "sha1Thumbprint"));
  if (print) to.thumbprints.push(print.replaceAll(":", "").toUpperCase());
}

function x509Spec(attestation: JsonObject): X509Attestation {
  const x509 = optionalObject(attestation, "x509") ?? {};
  const pair =
    optionalObject(x509, "clientCertificates") ?? optionalObject(x509, "signingCertificates") ?? {};
  const found: { thumbprints: string[]; certificates: string[] } = {
    thumbprints: [],
    certificates: [],
  };
  addSlot(optionalObject(pair, "primary"), found);
  addSlot(optionalObject(pair, "secondary"), found);
  if (found.thumbprints.length + found.certificates.length === 0)
    throw invalid("attestation.x509 has neither a certificate nor a thumbprint");
  return { type: "x509", ...found };
}

function attestationSpec(body: JsonObject): EnrollmentSpec["attestation"] {
  const attestation = optionalObject(body, "attestation") ?? {};
  const type = optionalWord(attestation, "type", ["symmetricKey", "x509", "tpm"] as const);
  if (type === "tpm") throw invalid("TPM attestation is not supported by the local hub");
  if (type === "x509") return x509Spec(attestation);
  const given = symmetricKeys(optionalObject(attestation, "symmetricKey"));
  return { type: "symmetricKey", symmetricKey: given };
}

function twinSpec(body: JsonObject): EnrollmentSpec["initialTwin"] {
  const twin = optionalObject(body, "initialTwin");
  if (!twin) return undefined;
  const tags = optionalObject(twin, "tags");
  const properties = optionalObject(twin, "properties");
  const desired = properties && optionalObject(properties, "desired");
  return { ...(tags && { tags }), ...(desired && { desired }) };
}

function hubNames(body: JsonObject): string[] | undefined {
  const hubs = body.iotHubs ?? (body.iotHubHostName ? [body.iotHubHostName] : undefined);
  if (hubs === undefined || hubs === null) return undefined;
  if (!Array.isArray(hubs) || !hubs.every((name) => typeof name === "string"))
    throw invalid("iotHubs must be a list of host names");
  return hubs as string[];
}

/** What a PUT wants an enrollment to be. @throws HubError 400004 naming the field. */
export function enrollmentSpec(body: JsonObject): EnrollmentSpec & { deviceId?: string } {
  const status = optionalWord(body, "provisioningStatus", ["enabled", "disabled"] as const);
  const policy = optionalObject(body, "reprovisionPolicy");
  const allocation = ["hashed", "static", "geoLatency"] as const;
  const allocationPolicy = optionalWord(body, "allocationPolicy", allocation);
  const capabilities = optionalObject(body, "capabilities");
  const iotEdge = capabilities && optionalBoolean(capabilities, "iotEdge");
  const initialTwin = twinSpec(body);
  const iotHubs = hubNames(body);
  const deviceId = optionalText(body, "deviceId");
  const payload = optionalObject(body, "payload");
  return {
    attestation: attestationSpec(body),
    ...(status && { enabled: status === "enabled" }),
    ...(policy && {
      reprovisionPolicy: {
        updateHubAssignment: optionalBoolean(policy, "updateHubAssignment") ?? true,
        migrateDeviceData: optionalBoolean(policy, "migrateDeviceData") ?? true,
      },
    }),
    ...(allocationPolicy && { allocationPolicy }),
    ...(iotEdge !== undefined && { iotEdge }),
    ...(initialTwin && { initialTwin }),
    ...(iotHubs && { iotHubs }),
    ...(deviceId !== undefined && { deviceId }),
    ...(payload && { payload }),
  };
}

/** The secret part of an enrollment, for `attestationmechanism`. */
export function attestationJson(attestation: Attestation, slot: string): JsonObject {
  if (attestation.type === "symmetricKey")
    return { type: "symmetricKey", symmetricKey: { ...attestation.symmetricKey } };
  const slots = [
    ...attestation.certificates.map((certificate) => ({ certificate })),
    ...attestation.thumbprints.map((sha256Thumbprint) => ({ info: { sha256Thumbprint } })),
  ];
  const pair = { primary: slots[0] ?? null, secondary: slots[1] ?? null };
  return { type: "x509", x509: { [slot]: pair } };
}

function baseJson(enrollment: EnrollmentBase): JsonObject {
  const { tags, desired } = enrollment.initialTwin;
  return {
    attestation: { type: enrollment.attestation.type },
    provisioningStatus: enrollment.enabled ? "enabled" : "disabled",
    allocationPolicy: enrollment.allocationPolicy,
    iotHubs: enrollment.iotHubs,
    reprovisionPolicy: { ...enrollment.reprovisionPolicy },
    initialTwin: { tags: tags ?? {}, properties: { desired: desired ?? {} } },
    capabilities: { iotEdge: enrollment.iotEdge },
    etag: enrollment.etag,
    createdDateTimeUtc: isoTime(enrollment.createdMs),
    lastUpdatedDateTimeUtc: isoTime(enrollment.updatedMs),
    ...(isObject(enrollment.payload) && { payload: enrollment.payload }),
  };
}

/** An individual enrollment without its keys. */
export function individualJson(enrollment: IndividualEnrollment): JsonObject {
  const { registrationId, deviceId } = enrollment;
  return { registrationId, deviceId, ...baseJson(enrollment) };
}

/** An enrollment group without its keys. */
export function groupJson(enrollment: EnrollmentGroup): JsonObject {
  return { enrollmentGroupId: enrollment.groupId, ...baseJson(enrollment) };
}

/** The state of a registration. */
export function registrationJson(registration: Registration): JsonObject {
  return {
    registrationId: registration.registrationId,
    assignedHub: registration.assignedHub,
    deviceId: registration.deviceId,
    status: registration.status,
    substatus: registration.substatus,
    createdDateTimeUtc: isoTime(registration.createdMs),
    lastUpdatedDateTimeUtc: isoTime(registration.updatedMs),
    etag: registration.etag,
    ...(registration.groupId !== undefined && { enrollmentGroupId: registration.groupId }),
    ...(isObject(registration.payload) && { payload: registration.payload }),
  };
}
