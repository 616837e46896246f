// Words of an IoT Hub query, each with its position for error messages.

export type TokenKind = "word" | "string" | "number" | "symbol" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Text as written; of a string its value. */
  readonly text: string;
  /** Character offset in the query, from 0. */
  readonly offset: number;
}

/** What is wrong with a query, and where. */
export class QueryError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (at character ${offset + 1})`);
    this.offset = offset;
  }
}

/** Longest query that is read. */
export const queryCharsMax = 4096;

const patterns: readonly (readonly [TokenKind | "space", RegExp])[] = [
  ["space", /\s+/y],
  ["word", /[A-Za-z_$][\w$-]*/y],
  ["number", /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
  ["string", /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"/y],
  ["symbol", /<=|>=|<>|!=|[=<>()[\],.*]/y],
];

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)|''/g, (pair, escaped?: string) => escaped ?? pair[0]!);
}

/** Cuts a query into tokens. @throws QueryError for text that begins no token. */
export function tokenize(query: string): Token[] {
  if (query.length > queryCharsMax)
    throw new QueryError(`the query is longer than ${queryCharsMax} characters`, queryCharsMax);
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < query.length) {
    let length = 0;
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = offset;
      const text = pattern.exec(query)?.[0];
      if (text === undefined) continue;
      if (kind !== "space")
        tokens.push({ kind, text: kind === "string" ? unquote(text) : text, offset });
      length = text.length;
      break;
    }
    if (length === 0) {
      const found = query[offset]!;
      const quote = found === "'" || found === '"';
      throw new QueryError(quote ? "the text is not closed" : `unexpected '${found}'`, offset);
    }
    offset += length;
  }
  tokens.push({ kind: "end", text: "", offset });
  return tokens;
}
