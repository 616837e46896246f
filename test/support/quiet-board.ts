// A virtual board on loopback without faults and without waiting: what tests of the serial way start from.
export const quietBoard = {
  chip: "esp32c3",
  host: "127.0.0.1",
  port: 0,
  faults: {},
  seed: 1,
  flashMegabytes: 4,
  isPaced: false,
};
