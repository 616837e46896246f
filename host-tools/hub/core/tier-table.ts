// Quotas and throttles per tier and unit (IoT Hub docs "Quotas and throttling", 2023).

export type TierName = "F1" | "S1" | "S2" | "S3";

export interface Tier {
  /** Metered messages a day and unit. */
  messagesPerDay: number;
  meterBlockBytes: number;
  /** [minimum per second for the hub, per second and unit] */
  connectsPerSecond: readonly [floor: number, perUnit: number];
  sendsPerSecond: readonly [floor: number, perUnit: number];
  twinReadsPerSecond: readonly [floor: number, perUnit: number];
  twinUpdatesPerSecond: readonly [floor: number, perUnit: number];
  cloudToDevicePerMinute: number;
  methodBytesPerSecond: number;
  queriesPerMinute: number;
  identityOperationsPerMinute: number;
}

const STANDARD: Tier = {
  messagesPerDay: 400_000,
  meterBlockBytes: 4096,
  connectsPerSecond: [100, 12],
  sendsPerSecond: [100, 12],
  twinReadsPerSecond: [100, 0],
  twinUpdatesPerSecond: [50, 0],
  cloudToDevicePerMinute: 100,
  methodBytesPerSecond: 160 * 1024,
  queriesPerMinute: 20,
  identityOperationsPerMinute: 100,
};

export const TIERS: Readonly<Record<TierName, Tier>> = {
  F1: { ...STANDARD, messagesPerDay: 8_000, meterBlockBytes: 512 },
  S1: STANDARD,
  S2: {
    ...STANDARD,
    messagesPerDay: 6_000_000,
    connectsPerSecond: [0, 120],
    sendsPerSecond: [0, 120],
    twinReadsPerSecond: [100, 10],
    twinUpdatesPerSecond: [50, 5],
    methodBytesPerSecond: 480 * 1024,
  },
  S3: {
    messagesPerDay: 300_000_000,
    meterBlockBytes: 4096,
    connectsPerSecond: [0, 6000],
    sendsPerSecond: [0, 6000],
    twinReadsPerSecond: [0, 500],
    twinUpdatesPerSecond: [0, 250],
    cloudToDevicePerMinute: 5000,
    methodBytesPerSecond: 24 * 1024 * 1024,
    queriesPerMinute: 1000,
    identityOperationsPerMinute: 5000,
  },
};
