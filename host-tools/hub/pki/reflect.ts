// The three functions of the Reflect metadata proposal that @peculiar/x509's container asks for.
// It keeps no metadata of its own classes (they carry no decorators once compiled), so these few
// lines stand in for a polyfill package. Import this file before @peculiar/x509.

const stored = new WeakMap<object, Map<unknown, unknown>>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return stored.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at; at = Object.getPrototypeOf(at)) {
    const value = getOwnMetadata(key, at);
    if (value !== undefined) return value;
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = stored.get(target) ?? new Map<unknown, unknown>();
  own.set(key, value);
  stored.set(target, own);
}

if (!("getMetadata" in Reflect))
  Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata });
