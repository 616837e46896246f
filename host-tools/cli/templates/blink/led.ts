// Stands in for a pin: replace `write` by your board's. Pure, so tests need no device.

export class Led {
  isOn = false;
  readonly #write: (isOn: boolean) => void;

  constructor(write: (isOn: boolean) => void = () => {}) {
    this.#write = write;
  }

  toggle(): boolean {
    this.isOn = !this.isOn;
    this.#write(this.isOn);
    return this.isOn;
  }
}
