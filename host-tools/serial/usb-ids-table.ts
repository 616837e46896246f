// USB ids of boards and bridges. Public lists lack several of these, so the table is our own.

export interface UsbKind {
  readonly vendorId: number;
  /** Undefined: any product of the vendor. */
  readonly productId: number | undefined;
  readonly name: string;
  /** What hangs on it, as far as the id tells. */
  readonly kind: "bridge" | "esp-usb-jtag" | "esp-usb-otg" | "rp-bootsel" | "rp-app" | "probe";
}

function row(vendorId: number, productId: number | undefined, kind: UsbKind["kind"], name: string) {
  return { vendorId, productId, kind, name } as const;
}

export const usbKinds: readonly UsbKind[] = [
  row(0x10c4, 0xea60, "bridge", "CP2102"),
  row(0x10c4, 0xea64, "bridge", "CP2102C"),
  row(0x10c4, 0xea70, "bridge", "CP2105"),
  row(0x10c4, 0xea71, "bridge", "CP2108"),
  row(0x1a86, 0x7523, "bridge", "CH340"),
  row(0x1a86, 0x7522, "bridge", "CH340"),
  row(0x1a86, 0x5523, "bridge", "CH341"),
  row(0x1a86, 0x55d3, "bridge", "CH343"),
  row(0x1a86, 0x55d4, "bridge", "CH9102"),
  row(0x0403, 0x6001, "bridge", "FT232"),
  row(0x0403, 0x6010, "bridge", "FT2232"),
  row(0x0403, 0x6011, "bridge", "FT4232"),
  row(0x0403, 0x6014, "bridge", "FT232H"),
  row(0x0403, 0x6015, "bridge", "FT230X"),
  row(0x067b, 0x2303, "bridge", "PL2303"),
  row(0x303a, 0x1001, "esp-usb-jtag", "Espressif USB-Serial-JTAG"),
  row(0x303a, undefined, "esp-usb-otg", "Espressif USB-OTG"),
  row(0x2e8a, 0x0003, "rp-bootsel", "RP2040 BOOTSEL"),
  row(0x2e8a, 0x000f, "rp-bootsel", "RP2350 BOOTSEL"),
  row(0x2e8a, 0x0004, "probe", "Picoprobe"),
  row(0x2e8a, 0x000c, "probe", "Debug Probe"),
  row(0x2e8a, 0x0005, "rp-app", "MicroPython on RP2040"),
  row(0x2e8a, 0x0009, "rp-app", "RP2350 application"),
  row(0x2e8a, 0x000a, "rp-app", "RP2040 application"),
];

export function usbKind(vendorId: number, productId: number): UsbKind | undefined {
  return usbKinds.find(
    (row) =>
      row.vendorId === vendorId && (row.productId === undefined || row.productId === productId),
  );
}
