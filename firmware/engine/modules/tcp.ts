// Module "embedded:io/socket/tcp": ECMA-419 TCP socket. Needs an address, as on devices: names go through DNS.
import { Socket, type SocketOptions } from "./socket.ts";

export default class TCP extends Socket {
  constructor(options: SocketOptions) {
    if (!options.address) throw new Error("address required");
    super(options, undefined);
  }
}
