// Doubles as bit patterns: neighbours and order (IEEE 754-2019 §3.4). One scratch buffer per codec, none per value.

/** Reads and steps doubles by their bits. */
export class FloatBits {
  private readonly view = new DataView(new ArrayBuffer(8));

  /** How many doubles `to` is above `from`; NaN across zero or beyond `max`. */
  steps(from: number, to: number, max: number): number {
    const view = this.view;
    view.setFloat64(0, from);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    view.setFloat64(0, to);
    const high2 = view.getUint32(0);
    const distance = (high2 - high) * 4294967296 + (view.getUint32(4) - low);
    if (!(distance <= max && distance >= -max) || (high ^ high2) < 0) return Number.NaN;
    return high2 >= 0x80000000 ? -distance : distance;
  }

  /** The double `steps` above `value`; does not cross zero. */
  step(value: number, steps: number): number {
    const view = this.view;
    view.setFloat64(0, value);
    const toward = value < 0 ? -steps : steps;
    const low = view.getUint32(4) + toward;
    if (low < 0 || low > 0xffffffff) {
      view.setUint32(0, view.getUint32(0) + (low < 0 ? -1 : 1));
    }
    view.setUint32(4, low);
    return view.getFloat64(0);
  }

  /** Order number of a float32: rises with the value; -0 is 0. */
  order32(value: number): number {
    this.view.setFloat32(0, value);
    const bits = this.view.getInt32(0);
    return bits < 0 ? -(bits & 0x7fffffff) : bits;
  }

  fromOrder32(order: number): number {
    this.view.setInt32(0, order < 0 ? -order | -0x80000000 : order);
    return this.view.getFloat32(0);
  }

  /** Upper 52 bits of a double as an order number; the 12 bits below are `low12`. */
  order64(value: number): number {
    this.view.setFloat64(0, value);
    const high = this.view.getInt32(0);
    const order = (high & 0x7fffffff) * 0x100000 + (this.view.getUint32(4) >>> 12);
    return high < 0 ? -order : order;
  }

  low12(value: number): number {
    this.view.setFloat64(0, value);
    return this.view.getUint32(4) & 0xfff;
  }

  /** The sign is taken from `negative`: order 0 exists twice. */
  fromOrder64(order: number, low12: number, negative: boolean): number {
    const size = Math.abs(order);
    const high = Math.floor(size / 0x100000);
    this.view.setUint32(0, negative ? high + 0x80000000 : high);
    this.view.setUint32(4, (size - high * 0x100000) * 0x1000 + low12);
    return this.view.getFloat64(0);
  }
}
