/** How a handler says no: the acknowledgement code of a desired property, or the status of a command. */

export class Refusal {
  readonly status: number;
  readonly description: string;

  constructor(status: number, description: string) {
    this.status = status;
    this.description = description;
  }
}

/** Return this from a handler to refuse: 400 for a value that cannot be, 409 for one that cannot be now. */
export function refuse(status: number, description: string): Refusal {
  return new Refusal(status, description);
}
