/** The servers that the socket checks talk to, in a simulated world. */
import type { World } from "../../../host-tools/sim/world.ts";

export function startServers(world: World): void {
  const certificate = { notBeforeMs: 0, notAfterMs: Date.UTC(2100, 0, 1) };
  world.network.listen("echo.test", 8883, {
    certificate,
    accept: (stream) => {
      stream.onData = (bytes) => stream.write(bytes);
    },
  });
  world.network.listen("farewell.test", 8883, {
    certificate,
    accept: (stream) => {
      stream.write(new TextEncoder().encode("bye"));
      stream.close();
    },
  });
  world.network.listen("expired.test", 8883, {
    certificate: { notBeforeMs: 0, notAfterMs: Date.UTC(2020, 0, 1) },
    accept: () => {},
  });
}
