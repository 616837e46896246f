// Options of `godwit sim`, as commander hands them over.
export interface SimOptions {
  readonly boards: number;
  readonly seconds?: number;
  /** Owner connection string or data folder of a running hub. A secret when it is a connection string. */
  readonly hub?: string;
  readonly ca?: string;
  readonly mqttPort?: number;
  readonly seed: number;
  readonly virtual?: boolean;
  readonly days: number;
  readonly demo?: boolean;
  readonly method: string;
}
