// Recursive-descent parser of IoT Hub's query language (docs "IoT Hub query language"), the subset of ast.ts.
import {
  type Column,
  type Comparison,
  type Condition,
  type Path,
  type Query,
  type Scalar,
  type TestName,
  type TextName,
  testNames,
  textNames,
} from "./ast.ts";
import { QueryError, type Token, tokenize } from "./tokens.ts";

/** Parentheses and NOTs inside each other. */
const depthMax = 50;
const topMax = 1_000_000;
const unsupported = ["group", "order", "join", "avg", "sum", "min", "max"];

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #fail(expected: string): never {
    const token = this.#peek();
    const word = token.text.toLowerCase();
    if (token.kind === "word" && unsupported.includes(word))
      throw new QueryError(`${word.toUpperCase()} is not supported by the local hub`, token.offset);
    const found = token.kind === "end" ? "the end" : `'${token.text}'`;
    throw new QueryError(`expected ${expected}, found ${found}`, token.offset);
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token.kind === "word" && token.text.toLowerCase() === word;
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#peek();
    return token.kind === "symbol" && token.text === symbol;
  }

  #takeWord(word: string): boolean {
    if (!this.#isWord(word)) return false;
    this.#at += 1;
    return true;
  }

  #takeSymbol(symbol: string): boolean {
    if (!this.#isSymbol(symbol)) return false;
    this.#at += 1;
    return true;
  }

  #needWord(word: string): void {
    if (!this.#takeWord(word)) this.#fail(word.toUpperCase());
  }

  #needSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) this.#fail(`'${symbol}'`);
  }

  #name(): string {
    const token = this.#peek();
    if (token.kind !== "word") this.#fail("a name");
    this.#at += 1;
    return token.text;
  }

  query(): Query {
    this.#needWord("select");
    const top = this.#takeWord("top") ? this.#top() : undefined;
    const select = this.#select();
    this.#needWord("from");
    const source = this.#source();
    const where = this.#takeWord("where") ? this.#or() : undefined;
    if (this.#peek().kind !== "end") this.#fail("the end of the query");
    return { source, top, select, where };
  }

  #top(): number {
    const token = this.#peek();
    const count = Number(token.text);
    if (token.kind !== "number" || !Number.isInteger(count) || count < 1 || count > topMax)
      this.#fail(`a number from 1 to ${topMax}`);
    this.#at += 1;
    return count;
  }

  #select(): Query["select"] {
    if (this.#takeSymbol("*")) return "*";
    if (this.#takeWord("count")) {
      this.#needSymbol("(");
      this.#needSymbol(")");
      return { count: this.#takeWord("as") ? this.#name() : "count" };
    }
    const columns: Column[] = [];
    do {
      const path = this.#path();
      columns.push({ path, name: this.#takeWord("as") ? this.#name() : path[path.length - 1]! });
    } while (this.#takeSymbol(","));
    return { columns };
  }

  #source(): Query["source"] {
    this.#needWord("devices");
    if (!this.#takeSymbol(".")) return "devices";
    if (this.#isWord("jobs")) this.#fail("devices or devices.modules");
    this.#needWord("modules");
    return "devices.modules";
  }

  /** Names joined by dots or brackets: `tags.location`, `tags['two words']`. */
  #path(): Path {
    const token = this.#peek();
    if (token.kind === "word" && unsupported.includes(token.text.toLowerCase()))
      this.#fail("a property");
    const path = [this.#name()];
    for (;;) {
      if (this.#takeSymbol(".")) path.push(this.#name());
      else if (this.#takeSymbol("[")) {
        path.push(this.#text());
        this.#needSymbol("]");
      } else return path;
    }
  }

  #text(): string {
    const token = this.#peek();
    if (token.kind !== "string") this.#fail("a text in quotes");
    this.#at += 1;
    return token.text;
  }

  #scalar(): Scalar {
    const token = this.#peek();
    if (token.kind === "string") return this.#text();
    const word = token.text.toLowerCase();
    const constants = new Map<string, Scalar>([
      ["true", true],
      ["false", false],
      ["null", null],
    ]);
    if (token.kind !== "number" && !constants.has(word)) this.#fail("a value");
    this.#at += 1;
    return token.kind === "number" ? Number(token.text) : constants.get(word)!;
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#takeWord("or")) left = { kind: "or", left, right: this.#and() };
    return left;
  }

  #and(): Condition {
    let left = this.#not();
    while (this.#takeWord("and")) left = { kind: "and", left, right: this.#not() };
    return left;
  }

  #not(): Condition {
    this.#depth += 1;
    if (this.#depth > depthMax)
      throw new QueryError(`conditions nest deeper than ${depthMax}`, this.#peek().offset);
    const condition = this.#takeWord("not")
      ? ({ kind: "not", operand: this.#not() } as const)
      : this.#primary();
    this.#depth -= 1;
    return condition;
  }

  #primary(): Condition {
    if (this.#takeSymbol("(")) {
      const inside = this.#or();
      this.#needSymbol(")");
      return inside;
    }
    const next = this.#tokens[this.#at + 1];
    if (this.#peek().kind === "word" && next?.kind === "symbol" && next.text === "(")
      return this.#function();
    const path = this.#path();
    for (const negated of [false, true]) {
      if (this.#takeWord(negated ? "nin" : "in"))
        return { kind: "in", path, values: this.#list(), negated };
    }
    return { kind: "compare", path, operator: this.#comparison(), value: this.#scalar() };
  }

  #function(): Condition {
    const { text, offset } = this.#peek();
    const name = text.toLowerCase();
    this.#at += 2;
    const path = this.#path();
    let condition: Condition;
    if ((testNames as readonly string[]).includes(name)) {
      condition = { kind: "test", name: name as TestName, path };
    } else if ((textNames as readonly string[]).includes(name)) {
      this.#needSymbol(",");
      condition = { kind: "text", name: name as TextName, path, value: this.#text() };
    } else throw new QueryError(`unknown function ${text}`, offset);
    this.#needSymbol(")");
    return condition;
  }

  #list(): Scalar[] {
    this.#needSymbol("[");
    const values: Scalar[] = [];
    do values.push(this.#scalar());
    while (this.#takeSymbol(","));
    this.#needSymbol("]");
    return values;
  }

  #comparison(): Comparison {
    const token = this.#peek();
    const known = ["=", "!=", "<>", "<", "<=", ">", ">="];
    if (token.kind !== "symbol" || !known.includes(token.text)) this.#fail("a comparison");
    this.#at += 1;
    return token.text === "<>" ? "!=" : (token.text as Comparison);
  }
}

/** Reads a query. @throws QueryError with position for anything that is not understood. */
export function parseQuery(text: string): Query {
  return new Parser(tokenize(text)).query();
}
