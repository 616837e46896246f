/** The socket's promises: back-pressure, exact reads, one end, silence after close. Needs the servers of `servers.ts`. */
import type { Platform } from "godwit/ports/platform";
import type { Socket, SocketError } from "godwit/ports/socket";
import type { Check, Verdict } from "./suite.ts";

const TLS = {};
const ECHO_BYTES = 20_000;

function fails(host: string, port: number, codes: readonly string[]): Check["run"] {
  return ({ network, timers }, { expect, pass }) => {
    let errors = 0;
    let isInside = true;
    const socket = network.connect({
      host,
      port,
      tls: TLS,
      onReadable: () => expect(false, "readable"),
      onWritable: () => expect(false, "writable"),
      onError: ({ code }) => {
        errors++;
        expect(!isInside, "called inside connect");
        expect(codes.includes(code), `code ${code}`);
        socket.close();
      },
    });
    isInside = false;
    timers.start(60_000, () => {
      expect(errors === 1, `${errors} errors`);
      pass();
    });
  };
}

function echo(platform: Platform, { expect, pass }: Verdict): void {
  let sent = 0;
  let received = 0;
  let isWindowTested = false;
  const send = (window: number) => {
    let left = window;
    while (sent < ECHO_BYTES && left > 0) {
      const chunk = new Uint8Array(Math.min(left, 1500, ECHO_BYTES - sent));
      for (let i = 0; i < chunk.length; i++) chunk[i] = (sent + i) % 251;
      left = socket.write(chunk);
      sent += chunk.length;
    }
  };
  const socket: Socket = platform.network.connect({
    host: "echo.test",
    port: 8883,
    tls: TLS,
    onWritable(count) {
      if (!isWindowTested) {
        isWindowTested = true;
        let isRefused = false;
        try {
          socket.write(new Uint8Array(count + 1));
        } catch {
          isRefused = true;
        }
        expect(isRefused, "wrote more than the window");
      }
      send(count);
    },
    onReadable(count) {
      let isRefused = false;
      try {
        socket.read(count + 1);
      } catch {
        isRefused = true;
      }
      expect(isRefused, "read more than there was");
      for (let left = count; left > 0; ) {
        const bytes = socket.read(Math.min(left, 700));
        for (let i = 0; i < bytes.length; i++)
          expect(bytes[i] === (received + i) % 251, `byte ${received + i} is wrong`);
        received += bytes.length;
        left -= bytes.length;
      }
      if (received < ECHO_BYTES) return;
      expect(received === ECHO_BYTES, `${received} bytes`);
      socket.close();
      pass();
    },
    onError: ({ message }: SocketError) => expect(false, message),
  });
}

export const socketChecks: readonly Check[] = [
  {
    name: "socket: an unknown name is an error, once, later",
    run: fails("nowhere.test", 8883, ["dns", "refused"]),
  },
  {
    name: "socket: a port without a server is an error, once, later",
    run: fails("echo.test", 1, ["refused", "unreachable"]),
  },
  {
    name: "socket: a certificate that expired is named",
    run: fails("expired.test", 8883, ["certificate"]),
  },
  { name: "socket: 20,000 bytes go and come back within the window", run: echo },
  {
    name: "socket: no write before the first onWritable; nothing is called after close",
    run({ network, timers }, { expect, pass }) {
      let calls = 0;
      const count = () => calls++;
      const handlers = { onReadable: count, onWritable: count, onError: count };
      const socket = network.connect({ host: "echo.test", port: 8883, tls: TLS, ...handlers });
      let isRefused = false;
      try {
        socket.write(Uint8Array.of(1));
      } catch {
        isRefused = true;
      }
      expect(isRefused, "wrote before it was open");
      socket.close();
      socket.close();
      timers.start(2000, () => {
        expect(calls === 0, `${calls} calls after close`);
        pass();
      });
    },
  },
  {
    name: "socket: the server's last words arrive before its close, and the close once",
    run({ network, timers }, { expect, pass }) {
      let text = "";
      let errors = 0;
      const socket = network.connect({
        host: "farewell.test",
        port: 8883,
        tls: TLS,
        onWritable() {},
        onReadable(count) {
          text += String.fromCharCode(...socket.read(count));
        },
        onError({ code }) {
          errors++;
          expect(code === "closed", `code ${code}`);
          expect(text === "bye", `heard '${text}'`);
        },
      });
      timers.start(5000, () => {
        expect(errors === 1, `${errors} errors`);
        pass();
      });
    },
  },
];
