// Talking to the flash chip through the SPI controller's registers: only the id is read this way.
import { DeviceError } from "../../serial/error.ts";
import type { SpiRegisters } from "./target.ts";

const commandUser = 1 << 18;
const useCommand = 2 ** 31;
const useMiso = 1 << 28;
const readId = 0x9f;
const idBits = 24;
const pollsMax = 10;

interface RegisterAccess {
  readReg(address: number): Promise<number>;
  writeReg(address: number, value: number): Promise<void>;
}

/** Sends RDID (0x9F) to the flash and returns its 24 bits. */
export async function runRdid(chip: RegisterAccess, spi: SpiRegisters): Promise<number> {
  const usr = await chip.readReg(spi.base + spi.usr);
  const usr2 = await chip.readReg(spi.base + spi.usr2);
  await chip.writeReg(spi.base + spi.misoLength, idBits - 1);
  await chip.writeReg(spi.base + spi.usr, useCommand + useMiso);
  await chip.writeReg(spi.base + spi.usr2, 7 * 2 ** 28 + readId);
  await chip.writeReg(spi.base + spi.w0, 0);
  await chip.writeReg(spi.base, commandUser);
  for (let poll = 0; poll < pollsMax; poll++) {
    if (((await chip.readReg(spi.base)) & commandUser) === 0) break;
  }
  const id = (await chip.readReg(spi.base + spi.w0)) & 0xffffff;
  await chip.writeReg(spi.base + spi.usr, usr);
  await chip.writeReg(spi.base + spi.usr2, usr2);
  return id;
}

/** JEDEC capacity codes are powers of two, with two vendor ranges on top. */
export function flashSizeOf(flashId: number): number {
  const code = (flashId >> 16) & 0xff;
  if (code >= 0x12 && code <= 0x1c) return 2 ** code;
  if (code >= 0x20 && code <= 0x22) return 2 ** (code - 0x20 + 26);
  if (code >= 0x32 && code <= 0x3a) return 2 ** (code - 0x20);
  throw new DeviceError("no-reply", `no usable flash chip (id 0x${flashId.toString(16)})`, {
    hint: "check the module's flash wiring; godwit flash id shows what it answers",
  });
}
