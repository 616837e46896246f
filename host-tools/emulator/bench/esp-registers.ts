// The registers that flashing tools read and write: chip word, efuses, UART divider, SPI controller.
import { magicRegister } from "../../flash/esp/protocol.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import type { NorFlash } from "./nor-flash.ts";

const commandUser = 1 << 18;
const readId = 0x9f;
/** Divider of 115200 baud at a 40 MHz crystal; esptool computes the crystal from it. */
const uartDivider = 347;
const uartDividerRegisters = [0x3ff40014, 0x60000014, 0x3f400014];

export class EspRegisters {
  readonly #target: EspTarget;
  readonly #flash: NorFlash;
  readonly #values = new Map<number, number>();

  /** `mac` as six bytes, most significant first. */
  constructor(target: EspTarget, flash: NorFlash, mac: Uint8Array) {
    this.#target = target;
    this.#flash = flash;
    const [a, b, c, d, e, f] = mac as unknown as [number, number, number, number, number, number];
    this.#values.set(target.macRegister, ((c << 24) | (d << 16) | (e << 8) | f) >>> 0);
    this.#values.set(target.macRegister + 4, (a << 8) | b);
    // Chips that tell their id do not need the word; tools fall back to it only for the others.
    this.#values.set(magicRegister, target.magics[0] ?? 0);
    for (const register of uartDividerRegisters) this.#values.set(register, uartDivider);
  }

  read(address: number): number {
    return this.#values.get(address) ?? 0;
  }

  write(address: number, value: number, mask: number): void {
    const { spi } = this.#target;
    const merged = ((this.read(address) & ~mask) | (value & mask)) >>> 0;
    if (address === spi.base && merged & commandUser) {
      this.#runFlashCommand();
      this.#values.set(address, (merged & ~commandUser) >>> 0);
    } else this.#values.set(address, merged);
  }

  #runFlashCommand(): void {
    const { spi } = this.#target;
    const command = this.read(spi.base + spi.usr2) & 0xff;
    this.#values.set(spi.base + spi.w0, command === readId ? this.#flash.jedecId : 0);
  }
}
