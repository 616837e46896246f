// What differs between ESP chips, as data. One file per chip in targets/.

export interface SpiRegisters {
  readonly base: number;
  /** Offsets from `base`; the classic ESP32 differs from all later chips. */
  readonly usr: number;
  readonly usr1: number;
  readonly usr2: number;
  readonly mosiLength: number;
  readonly misoLength: number;
  readonly w0: number;
}

/** Watchdogs that keep running on native USB and would reset the chip during a transfer. */
export interface Watchdogs {
  readonly config: number;
  readonly writeProtect: number;
  readonly writeKey: number;
  readonly superConfig: number;
  readonly superWriteProtect: number;
  readonly superWriteKey: number;
  /** Bit that makes the super watchdog feed itself. */
  readonly superAutoFeed: number;
}

/** Early silicon that needs stub data of its own. */
export interface EarlySilicon {
  readonly register: number;
  isEarly(word: number): boolean;
  readonly stub: string;
}

export interface EspTarget {
  /** The id used in board files and on the command line. */
  readonly id: string;
  /** The name on the package. */
  readonly name: string;
  /** Chip id in image headers and in the security information. */
  readonly chipId: number;
  /** Words at 0x40001000 of chips that do not tell their id; empty for all others. */
  readonly magics: readonly number[];
  /** Length of the security information; 0 when the ROM does not know the command. */
  readonly securityInfoBytes: 0 | 12 | 20;
  /** True when ROM requests that begin a write carry a fifth word (encrypted or not). */
  readonly romBeginHasEncryptedWord: boolean;
  readonly bootloaderOffset: number;
  readonly spi: SpiRegisters;
  /** Two words: low four bytes and high two bytes of the MAC address. */
  readonly macRegister: number;
  readonly flashModes: readonly string[];
  /** Flash frequency names by header nibble. */
  readonly flashFrequencies: Readonly<Record<string, number>>;
  /** Base name of the stub data. */
  readonly stub: string;
  readonly watchdogs?: Watchdogs;
  readonly earlySilicon?: EarlySilicon;
}

const watchdogKey = 0x50d83aa1;

/** S3 and C3: watchdogs in the RTC block. */
export function rtcWatchdogs(offsets: {
  config: number;
  writeProtect: number;
  superConfig: number;
}): Watchdogs {
  const base = 0x60008000;
  return {
    config: base + offsets.config,
    writeProtect: base + offsets.writeProtect,
    writeKey: watchdogKey,
    superConfig: base + offsets.superConfig,
    superWriteProtect: base + offsets.superConfig + 4,
    superWriteKey: 0x8f1d312a,
    superAutoFeed: 2 ** 31,
  };
}

/** C6 and later: a block of their own. */
export function lpWatchdogs(base: number, writeProtectOffset = 0x18): Watchdogs {
  return {
    config: base,
    writeProtect: base + writeProtectOffset,
    writeKey: watchdogKey,
    superConfig: base + writeProtectOffset + 4,
    superWriteProtect: base + writeProtectOffset + 8,
    superWriteKey: watchdogKey,
    superAutoFeed: 1 << 18,
  };
}

const laterOffsets = {
  usr: 0x18,
  usr1: 0x1c,
  usr2: 0x20,
  mosiLength: 0x24,
  misoLength: 0x28,
  w0: 0x58,
} as const;

/** SPI controller as in every chip after the first ESP32. */
export function laterSpi(base: number): SpiRegisters {
  return { base, ...laterOffsets };
}

export const allFlashModes = ["qio", "qout", "dio", "dout"] as const;
export const classicFrequencies = { "80m": 0xf, "40m": 0, "26m": 1, "20m": 2 } as const;
