// The user name in a CONNECT to DPS (DPS docs "MQTT support"): `{idScope}/registrations/{id}/api-version=…`, no `?`.
import { HubError } from "../core/hub-error.ts";

export interface DpsUsername {
  idScope: string;
  registrationId: string;
}

const FORM = /^([^/?]{1,64})\/registrations\/([A-Za-z0-9\-._:]{1,128})\/api-version=[0-9A-Za-z.-]+/;

/** True if the name has the form of DPS; a hub's user name has its query behind a `?`. */
export function isDpsUsername(username: string | undefined): boolean {
  return username !== undefined && /^[^/?]*\/registrations\/[^?]*$/.test(username);
}

/** @throws HubError 400004. */
export function parseDpsUsername(username: string | undefined): DpsUsername {
  const match = FORM.exec(username ?? "");
  if (match === null) {
    throw new HubError(
      400004,
      "the user name is not of the form {idScope}/registrations/{registrationId}/api-version=…",
    );
  }
  return { idScope: match[1]!, registrationId: match[2]! };
}
