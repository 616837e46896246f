// DPS service API: enrollments, groups and registrations (api-version 2021-10-01).
import { HubError } from "../core/hub-error.ts";
import type { Api } from "./api.ts";
import {
  attestationJson,
  enrollmentSpec,
  groupJson,
  individualJson,
  registrationJson,
} from "./enrollment-wire.ts";
import { bodyObject } from "./input.ts";

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new HubError(404001, `there is no ${what}`);
  return value;
}

function addIndividualRoutes(api: Api): void {
  const { enrollments } = api.hub;
  const url = "/enrollments/:id";
  const one = (id = "") => found(enrollments.individual(id), `enrollment "${id}"`);
  api.add({
    method: "GET",
    url,
    right: "EnrollmentRead",
    handle: ({ params }) => individualJson(one(params.id)),
  });
  api.add({
    method: "PUT",
    url,
    right: "EnrollmentWrite",
    handle: ({ params, body, etag }) =>
      individualJson(
        enrollments.putIndividual(params.id ?? "", enrollmentSpec(bodyObject(body)), etag),
      ),
  });
  api.add({
    method: "DELETE",
    url,
    right: "EnrollmentWrite",
    handle: ({ params, etag }) => enrollments.removeIndividual(params.id ?? "", etag),
  });
  api.add({
    method: "POST",
    url: `${url}/attestationmechanism`,
    right: "EnrollmentWrite",
    handle: ({ params }) => attestationJson(one(params.id).attestation, "clientCertificates"),
  });
  api.add({
    method: "POST",
    url: "/enrollments/query",
    right: "EnrollmentRead",
    handle: () => [...enrollments.individuals()].map(individualJson),
  });
}

function addGroupRoutes(api: Api): void {
  const { enrollments } = api.hub;
  const url = "/enrollmentGroups/:id";
  const one = (id = "") => found(enrollments.group(id), `enrollment group "${id}"`);
  api.add({
    method: "GET",
    url,
    right: "EnrollmentRead",
    handle: ({ params }) => groupJson(one(params.id)),
  });
  api.add({
    method: "PUT",
    url,
    right: "EnrollmentWrite",
    handle: ({ params, body, etag }) =>
      groupJson(enrollments.putGroup(params.id ?? "", enrollmentSpec(bodyObject(body)), etag)),
  });
  api.add({
    method: "DELETE",
    url,
    right: "EnrollmentWrite",
    handle: ({ params, etag }) => enrollments.removeGroup(params.id ?? "", etag),
  });
  api.add({
    method: "POST",
    url: `${url}/attestationmechanism`,
    right: "EnrollmentWrite",
    handle: ({ params }) => attestationJson(one(params.id).attestation, "signingCertificates"),
  });
  api.add({
    method: "POST",
    url: "/enrollmentGroups/query",
    right: "EnrollmentRead",
    handle: () => [...enrollments.groups()].map(groupJson),
  });
}

function addRegistrationRoutes(api: Api): void {
  const { enrollments } = api.hub;
  api.add({
    method: "GET",
    url: "/registrations/:id",
    right: "EnrollmentRead",
    handle: ({ params }) =>
      registrationJson(
        found(enrollments.registration(params.id ?? ""), `registration "${params.id}"`),
      ),
  });
  api.add({
    method: "DELETE",
    url: "/registrations/:id",
    right: "EnrollmentWrite",
    handle: ({ params }) => enrollments.removeRegistration(params.id ?? ""),
  });
}

/** Adds `/enrollments…`, `/enrollmentGroups…`, `/registrations…` and `/hub`. */
export function addEnrollmentRoutes(api: Api): void {
  addIndividualRoutes(api);
  addGroupRoutes(api);
  addRegistrationRoutes(api);
  // godwit's own: the id scope, which the cloud shows in its portal only, and a port that the cloud never changes.
  api.add({
    method: "GET",
    url: "/hub",
    right: "EnrollmentRead",
    handle: () => ({
      hostName: api.hostName,
      idScope: api.hub.enrollments.idScope,
      mqttsPort: api.mqttsPort,
    }),
  });
}
