// The local hub inside a simulated world: same core, same MQTT adapter, streams of the virtual network.
import { Hub } from "../hub/core/hub.ts";
import type { HubOptions } from "../hub/core/options.ts";
import { PeerCertificate } from "../hub/core/peer-certificate.ts";
import { serveMqtt } from "../hub/serve-mqtt.ts";
import type { Listener } from "./network.ts";
import type { ServerEnd } from "./stream.ts";
import type { Appointment } from "./virtual-clock.ts";
import type { World } from "./world.ts";

export const worldHubHost = "hub.test";
export const worldDpsHost = "dps.test";
const mqttPort = 8883;
const dayMs = 86_400_000;
/** Validity of the simulated server certificate around the world's beginning. */
const certificateDays = { before: 30, after: 3650 };

/** Makes a hub that lives in the world's time and answers at its names. */
export function createWorldHub(world: World, options: Partial<HubOptions> = {}): Hub {
  const random = world.random.fork("hub");
  const hub = new Hub({
    hostName: worldHubHost,
    aliases: [worldDpsHost],
    ...options,
    environment: {
      nowMs: () => world.wallMs(),
      random: { fill: (target) => random.fill(target) },
      timers: {
        start: (delayMs, callback) => world.clock.after(delayMs, callback),
        stop: (handle) => world.clock.cancel(handle as Appointment),
      },
    },
  });
  const listener: Listener = {
    certificate: {
      notBeforeMs: world.epochMs - certificateDays.before * dayMs,
      notAfterMs: world.epochMs + certificateDays.after * dayMs,
    },
    accept: (stream) => attach(hub, stream),
  };
  for (const host of [worldHubHost, worldDpsHost]) world.network.listen(host, mqttPort, listener);
  return hub;
}

function attach(hub: Hub, stream: ServerEnd): void {
  const der = stream.clientCertificate;
  const transport = serveMqtt(hub, {
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
    certificate: der && new PeerCertificate(der),
    peerName: stream.name,
  });
  stream.onData = (bytes) => transport.receive(bytes);
  stream.onClose = () => transport.ended();
}
