// Gives the top-level names of a linked module a table: XS pays a slot for every name that a function captures.
//
// A function that uses a top-level name carries an environment: two slots and one per name. `import.meta` needs none,
// so functions reach those names through an array there; literals are written out where they are used. Lines stay.
import { parseAst } from "rolldown/parseAst";
import {
  type Binding,
  changedNames,
  findUses,
  type Node,
  topLevelBindings,
  type Use,
} from "./top-level-names.ts";

interface Edit {
  start: number;
  end: number;
  text: string;
}

const table = "import.meta.image";

/** Rewrites a module; line numbers stay as they are. */
export function tabulate(source: string): string {
  const program = parseAst(source) as unknown as Node;
  const bindings = topLevelBindings(source, program);
  const changed = changedNames(program);
  for (const name of changed.names) bindings.delete(name);
  for (const name of changed.objects) delete bindings.get(name)?.members;
  const { uses, usedOutside } = findUses(program, bindings);
  const edits: Edit[] = [];
  const inTable: [string, Binding][] = [];
  for (const [name, binding] of bindings) {
    const places = uses.get(name) ?? [];
    const isConstant = places.every((use) => literalFor(binding, use) !== undefined);
    if (!isConstant) inTable.push([name, binding]);
    else if (!usedOutside.has(name)) edits.push(...removal(source, binding));
  }
  inTable.sort(([, a], [, b]) => a.readyAt - b.readyAt);
  for (const [index, [name, binding]] of inTable.entries()) {
    const place = `${table}[${index}]`;
    edits.push({ start: binding.readyAt, end: binding.readyAt, text: `${place} = ${name};` });
    for (const use of uses.get(name) ?? []) edits.push(replacement(use, place));
  }
  const constants = [...uses].filter(([name]) => !inTable.some(([other]) => other === name));
  for (const [name, places] of constants)
    for (const use of places)
      edits.push(replacement(use, literalFor(bindings.get(name) as Binding, use) ?? name, true));
  return applyEdits(source, edits);
}

/** The literal a use stands for: the name's own, or that of a member of a constant object. */
function literalFor(binding: Binding, use: Use): string | undefined {
  return use.member ? binding.members?.get(use.member.property) : binding.literal;
}

function replacement(use: Use, text: string, isWholeMember = false): Edit {
  const { start, end } = isWholeMember && use.member ? use.member.node : use.node;
  return { start, end, text: use.isShorthand ? `${use.node.name}: (${text})` : `(${text})` };
}

function removal(source: string, { statement, literal, members }: Binding): Edit[] {
  if (!statement || (literal === undefined && !members)) return [];
  const lines = source.slice(statement.start, statement.end).split("\n").length;
  return [{ start: statement.start, end: statement.end, text: "\n".repeat(lines - 1) }];
}

function applyEdits(source: string, edits: Edit[]): string {
  // Sorting is stable: what becomes ready at one place stays in order.
  const sorted = edits.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  let result = "";
  for (const { start, end, text } of sorted) {
    result += source.slice(at, start) + text;
    at = end;
  }
  return result + source.slice(at);
}
