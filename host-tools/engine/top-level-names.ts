// Which top-level names a module has, which of them are constants, and where its functions use them (ESTree).

export interface Node {
  type: string;
  start: number;
  end: number;
  // biome-ignore lint/suspicious/noExplicitAny: a tree of a hundred node types, read by the names of their parts.
  [key: string]: any;
}

/** What a top-level name is. */
export interface Binding {
  /** Index in the source after which the value is there; 0: from the start (functions, imports). */
  readyAt: number;
  /** Source of a number, text or boolean. */
  literal?: string;
  /** Sources of the members of an object of literals. */
  members?: Map<string, string>;
  /** The statement, when it declares nothing else. */
  statement?: Node;
}

/** A place inside a function where a top-level name is used. */
export interface Use {
  node: Node;
  isShorthand: boolean;
  /** `name.property`, read. */
  member?: { node: Node; property: string };
}

export interface Uses {
  uses: Map<string, Use[]>;
  /** Names that the top level itself uses, or that some function may mean in a way not looked into. */
  usedOutside: Set<string>;
}

const functions = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

function children(node: Node): Node[] {
  const found: Node[] = [];
  for (const value of Object.values(node))
    for (const item of Array.isArray(value) ? value : [value])
      if (typeof item?.type === "string") found.push(item);
  return found;
}

export function topLevelBindings(source: string, program: Node): Map<string, Binding> {
  const bindings = new Map<string, Binding>();
  const add = (id: Node, binding: Binding) => {
    if (id.type === "Identifier") bindings.set(id.name, binding);
  };
  for (const statement of program.body as Node[]) {
    if (statement.type === "ImportDeclaration")
      for (const one of statement.specifiers) add(one.local, { readyAt: 0 });
    if (statement.type === "FunctionDeclaration") add(statement.id, { readyAt: 0 });
    if (statement.type === "ClassDeclaration") add(statement.id, { readyAt: statement.end });
    if (statement.type === "VariableDeclaration")
      for (const one of statement.declarations)
        add(one.id, {
          readyAt: statement.end,
          ...constantOf(source, one.init),
          ...(statement.declarations.length === 1 && { statement }),
        });
  }
  return bindings;
}

function constantOf(source: string, init: Node | null): Pick<Binding, "literal" | "members"> {
  if (!init) return {};
  const literal = literalOf(source, init);
  if (literal !== undefined) return { literal };
  if (init.type !== "ObjectExpression") return {};
  const members = new Map<string, string>();
  for (const property of init.properties) {
    const value = property.value && literalOf(source, property.value);
    if (value === undefined || property.computed || property.key.type !== "Identifier") return {};
    members.set(property.key.name, value);
  }
  return { members };
}

/** Regular expressions are objects, null is not worth it. */
function literalOf(source: string, node: Node): string | undefined {
  const value = node.type === "UnaryExpression" ? node.argument : node;
  const isLiteral = value.type === "Literal" && typeof value.value !== "object";
  return isLiteral ? source.slice(node.start, node.end) : undefined;
}

/** Names that get another value later, and names of objects that get another member. */
export interface Changed {
  names: Set<string>;
  objects: Set<string>;
}

export function changedNames(
  node: Node,
  found: Changed = { names: new Set(), objects: new Set() },
): Changed {
  if (/^(AssignmentExpression|ForInStatement|ForOfStatement)$/.test(node.type))
    targetNames(node.left, found);
  if (node.type === "UpdateExpression" || node.operator === "delete")
    targetNames(node.argument, found);
  for (const child of children(node)) changedNames(child, found);
  return found;
}

function targetNames(node: Node, found: Changed): void {
  if (node.type === "Identifier") found.names.add(node.name);
  if (node.type !== "MemberExpression")
    for (const child of references(node)) targetNames(child, found);
  else if (node.object.type === "Identifier") found.objects.add(node.object.name);
}

export function findUses(program: Node, bindings: ReadonlyMap<string, Binding>): Uses {
  const uses = new Map<string, Use[]>();
  const usedOutside = new Set<string>();
  const inFunction = (node: Node, parent: Node, local: ReadonlySet<string>): void => {
    if (node.type === "Identifier" && bindings.has(node.name) && !local.has(node.name)) {
      const places = uses.get(node.name) ?? [];
      places.push(placeOf(node, parent));
      uses.set(node.name, places);
    }
    for (const child of references(node)) inFunction(child, node, local);
  };
  const outside = (node: Node): void => {
    if (!functions.test(node.type)) {
      if (node.type === "Identifier") usedOutside.add(node.name);
      for (const child of references(node))
        if (node.type !== "VariableDeclarator" || child !== node.id) outside(child);
      return;
    }
    // A name declared anywhere inside is left alone everywhere inside: simpler than scopes, and never wrong.
    const local = localNames(node);
    for (const name of local) usedOutside.add(name);
    for (const part of [...node.params, node.body]) inFunction(part, node, local);
  };
  outside(program);
  return { uses, usedOutside };
}

function placeOf(node: Node, parent: Node): Use {
  const isShorthand = parent.type === "Property" && parent.shorthand === true;
  const isMember = parent.type === "MemberExpression" && !parent.computed;
  return {
    node,
    isShorthand,
    ...(isMember && { member: { node: parent, property: parent.property.name } }),
  };
}

/** Children that are evaluated: no property names, no labels. */
function references(node: Node): Node[] {
  if (/^(Property|MethodDefinition|PropertyDefinition)$/.test(node.type) && !node.computed)
    return children(node).filter((child) => child !== node.key);
  if (node.type === "MemberExpression" && !node.computed) return [node.object];
  if (/^(LabeledStatement|BreakStatement|ContinueStatement)$/.test(node.type))
    return children(node).filter((child) => child !== node.label);
  return node.type === "MetaProperty" ? [] : children(node);
}

function localNames(node: Node, found = new Set<string>()): Set<string> {
  const isFunction = functions.test(node.type);
  if (/^(VariableDeclarator|ClassDeclaration|ClassExpression)$/.test(node.type) || isFunction)
    if (node.id) patternNames(node.id, found);
  if (isFunction) for (const parameter of node.params) patternNames(parameter, found);
  if (node.type === "CatchClause" && node.param) patternNames(node.param, found);
  for (const child of children(node)) localNames(child, found);
  return found;
}

function patternNames(node: Node, found: Set<string>): void {
  if (node.type === "Identifier") found.add(node.name);
  const parts = node.type === "AssignmentPattern" ? [node.left] : references(node);
  for (const part of parts) patternNames(part, found);
}
