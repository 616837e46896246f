export type LogLevel = "error" | "warn" | "info" | "debug";

/** One line of text for a person. Never contains keys, tokens or passwords. */
export type Log = (level: LogLevel, text: string) => void;
