/** A Connection on a simulated board, with everything it told its handlers. */
import { encodeUtf8 } from "../../firmware/codec/utf8.ts";
import { Connection } from "../../firmware/connection/connection.ts";
import type {
  ConnectionHandlers,
  ConnectionOptions,
  FaultCode,
  OutboundMessage,
  Settled,
} from "../../firmware/connection/types.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import type { TimeSource } from "../../firmware/ports/time-source.ts";
import { NodePlatform, type NodePlatformOptions } from "../../host-tools/sim/node-platform.ts";
import type { World } from "../../host-tools/sim/world.ts";

export const HUB = "hub.test";
export const DEVICE_KEY = Buffer.from("a key of a device, 32 bytes long").toString("base64");
export const CONNECTION_STRING = `HostName=${HUB};DeviceId=dev1;SharedAccessKey=${DEVICE_KEY}`;

export interface DeviceSetup {
  timeSource?: TimeSource;
  store?: Record<string, string | Uint8Array>;
  options?: ConnectionOptions;
  handlers?: ConnectionHandlers;
  platform?: Partial<NodePlatformOptions>;
}

export class TestDevice {
  readonly platform: NodePlatform;
  readonly connection: Connection;
  readonly logs: string[] = [];
  readonly states: string[] = [];
  readonly faults: FaultCode[] = [];
  readonly messages: { topic: string; text: string }[] = [];
  readonly settled: { name: string; outcome: Settled }[] = [];

  constructor(world: World, setup: DeviceSetup = {}) {
    this.platform = new NodePlatform(world, {
      name: "board",
      onLog: (level, text) => this.logs.push(`${level} ${text}`),
      ...setup.platform,
    });
    const store = setup.store ?? { "hub.conn": CONNECTION_STRING };
    for (const [key, value] of Object.entries(store)) {
      this.platform.storage.write(key, typeof value === "string" ? encodeUtf8(value) : value);
    }
    const { timeSource } = setup;
    // An object of its own, because a NodePlatform has no time source: its world sets the clock.
    const platform: Platform = timeSource
      ? Object.create(this.platform, { timeSource: { value: timeSource } })
      : this.platform;
    this.connection = new Connection(platform, setup.options ?? {}, {
      onMessage: (topic, payload) => {
        this.messages.push({ topic, text: Buffer.from(payload).toString() });
        return undefined;
      },
      ...setup.handlers,
      onState: (state, fault) => {
        this.states.push(state);
        if (state === "offline" && fault) this.faults.push(fault.code);
        setup.handlers?.onState?.(state, fault);
      },
    });
  }

  message(name: string, extra: Partial<OutboundMessage> = {}): OutboundMessage {
    return {
      payload: encodeUtf8(name),
      onSettled: (outcome) => this.settled.push({ name, outcome }),
      ...extra,
    };
  }

  /** Names of messages the hub acknowledged, in order. */
  get acknowledged(): string[] {
    return this.settled.filter(({ outcome }) => outcome === "acknowledged").map(({ name }) => name);
  }
}
