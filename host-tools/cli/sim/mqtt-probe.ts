// Is there a hub for devices at a host and port? Asked before boards start: they would try for ever.
import { isIP } from "node:net";
import { connect } from "node:tls";
import { exitCodes, UserError } from "../../user-error.ts";

const probeTimeoutMs = 5000;

export interface MqttPlace {
  readonly host: string;
  readonly port: number;
  /** PEM of what boards trust. */
  readonly ca: string;
}

/** How a host is written in front of a port. */
function place({ host, port }: MqttPlace): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function refusal(where: MqttPlace, cause: NodeJS.ErrnoException): UserError {
  const { code = "" } = cause;
  // An address of each family refused: Node gathers the errors, and its own message is empty.
  const why = cause.message || code;
  const exitCode = exitCodes.unreachable;
  if (/CERT|ISSUER|SIGNATURE|ALTNAME/.test(code))
    return new UserError(`boards would not trust ${place(where)}: ${why}`, {
      ...{ code: "hub-untrusted", exitCode, cause },
      hint: "--ca <caFile as printed by godwit hub>",
    });
  const text = /EPROTO|^ERR_SSL/.test(code)
    ? `${place(where)} speaks no TLS (${code})`
    : `no MQTT over TLS at ${place(where)}: ${why.includes(code) ? why : `${code} ${why}`}`;
  return new UserError(text, {
    ...{ code: "mqtt-unreachable", exitCode, cause },
    hint: "--mqtt-port <mqttsPort as printed by godwit hub>",
  });
}

/**
 * Shakes hands with what listens there and hangs up.
 * @throws UserError (exit 4) naming host, port and reason.
 */
export function probeMqtt(where: MqttPlace): Promise<void> {
  const { host, port, ca } = where;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ca, ...(isIP(host) === 0 && { servername: host }) });
    const late = Object.assign(new Error(`no answer in ${probeTimeoutMs} ms`), {
      code: "ETIMEDOUT",
    });
    socket.setTimeout(probeTimeoutMs, () => socket.destroy(late));
    socket.once("error", (error) => reject(refusal(where, error)));
    socket.once("secureConnect", () => {
      socket.destroy();
      resolve();
    });
  });
}
