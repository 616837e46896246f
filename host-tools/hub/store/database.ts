// Opens the store's SQLite file: identity, schema version, lock, and clear words when it is not ours.
import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { exitCodes, UserError } from "../../user-error.ts";
import { ensureFolder } from "../pki/key-files.ts";

/** "gdwt": marks the file as ours (SQLite header, application id). */
const applicationId = 0x67647774;
export const schemaVersion = 1;

const schema = `
  CREATE TABLE document (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
  ) WITHOUT ROWID;
  CREATE TABLE events (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, body BLOB NOT NULL);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

export type Durability = "process" | "power";

/** Says that a store is not what a hub left. */
export function storeDamaged(file: string, why: string, cause?: unknown): UserError {
  // The log goes with it: SQLite would delete a log without its file.
  const parts = ["", "-wal", "-shm", "-journal"].map((suffix) => file + suffix).filter(existsSync);
  const aside = `${file}.damaged`;
  return new UserError(`${file} is damaged: ${why}`, {
    code: "store-damaged",
    hint: `restore it from a copy, or start with an empty hub: mkdir ${aside} && mv ${parts.join(" ")} ${aside}`,
    cause,
  });
}

/** Why a store could not be opened or written, in words for people. */
export function storeError(file: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  if (/BUSY|LOCKED/.test(code) || /locked/.test(text))
    return new UserError(`${dirname(file)} is in use by another hub`, {
      code: "data-in-use",
      hint: "stop the other hub, or give this one its own --data folder",
      cause: error,
    });
  if (/CORRUPT|NOTADB/.test(code) || /malformed|damaged|not a database/.test(text))
    return storeDamaged(file, text, error);
  return new UserError(`${file} cannot be used: ${text}`, {
    code: "store-io",
    exitCode: exitCodes.bench,
    hint: `check owner, permissions and free space: ls -la ${dirname(file)}; df -h ${dirname(file)}`,
    cause: error,
  });
}

/**
 * Reads the header of an existing file (SQLite file format §1.3) without opening a database: opening
 * may already write. False: there is nothing yet.
 */
function checkHeader(file: string): boolean {
  if (file === ":memory:") return false;
  if (!existsSync(file) || statSync(file).size === 0) {
    // SQLite would take the log for a stranger's and delete it, with all that only it holds.
    const log = `${file}-wal`;
    if (existsSync(log) && statSync(log).size > 0)
      throw damaged("its log is there, the file itself is missing or empty");
    return false;
  }
  const header = Buffer.alloc(100);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") throw damaged("no SQLite header");
  if (header.readUInt32BE(68) !== applicationId)
    throw new UserError(`${file} belongs to another program`, {
      code: "store-foreign",
      hint: "give the hub its own --data folder",
    });
  const version = header.readUInt32BE(60);
  if (version > schemaVersion)
    throw new UserError(`${file} was written by a newer godwit (schema ${version})`, {
      code: "store-newer",
      hint: "update godwit, or give this one its own --data folder",
    });
  return true;
}

function damaged(verdict: string): Error {
  return Object.assign(new Error(verdict), { code: "SQLITE_CORRUPT" });
}

function prepareFile(database: Database.Database, exists: boolean, durability: Durability): void {
  // Exclusive first: the write-ahead log then needs no shared memory, and nobody else gets in.
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  if (exists) {
    const row = database.prepare("PRAGMA quick_check(1)").get() as Record<string, unknown>;
    const verdict = String(Object.values(row)[0]);
    if (verdict !== "ok") throw damaged(verdict);
  } else {
    // Before the log is switched on: the header in the file itself has to name its owner.
    database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
  }
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
  // Takes the lock now and not at the first write.
  database.exec("BEGIN IMMEDIATE; COMMIT;");
}

/**
 * Closes a store's database and gives up its lock. Closing alone would not: the library keeps the
 * connection until its prepared statements are collected as garbage.
 */
export function closeDatabase(database: Database.Database): void {
  try {
    // An exclusive log has to be folded into the file before the lock can be lowered.
    database.exec("PRAGMA journal_mode = DELETE");
    database.exec("PRAGMA locking_mode = NORMAL");
    database.prepare("SELECT count(*) FROM document").get();
  } finally {
    database.close();
  }
}

/**
 * Opens or creates a store file.
 * @throws UserError `data-in-use`, `store-damaged`, `store-foreign`, `store-newer` or `store-io`.
 */
export function openDatabase(file: string, durability: Durability): Database.Database {
  let database: Database.Database | undefined;
  try {
    if (file !== ":memory:") ensureFolder(dirname(file));
    const exists = checkHeader(file);
    database = new Database(file);
    prepareFile(database, exists, durability);
    // The log beside the database holds the same secrets; SQLite makes it as the process's umask says.
    for (const part of [file, `${file}-wal`, `${file}-shm`])
      if (file !== ":memory:" && existsSync(part)) chmodSync(part, 0o600);
    return database;
  } catch (error) {
    database?.close();
    throw storeError(file, error);
  }
}
