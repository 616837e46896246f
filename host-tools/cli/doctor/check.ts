// One finding of `godwit doctor`.

export type CheckStatus = "ok" | "warn" | "fail";

export interface Check {
  readonly id: string;
  /** `warn`: godwit runs, something optional or risky is missing. `fail`: it will not run. */
  readonly status: CheckStatus;
  readonly detail: string;
  /** One command or action that puts it right. */
  readonly fix?: string;
}

/** Text of whatever was thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}
