// npm run perf -- <bench> [--json]: ratios, byte counts and engine meter units; no limits on time.
export interface Bench {
  /** Figures; with `missed`, the goals that were not reached, in words: exit code 1 unless it is empty. */
  run(): Promise<object & { readonly missed?: readonly string[] }>;
  /** A table for people; without it the figures are printed as lines. */
  print?(figures: object): string;
}

const benches: Record<string, () => Promise<Bench>> = {
  codec: () => import("./codec.ts"),
  engine: () => import("./engine.ts"),
  device: () => import("./device.ts"),
  hub: () => import("./hub.ts"),
  flash: () => import("./flash.ts"),
  log: () => import("./log.ts"),
};

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const name = args.find((arg) => !arg.startsWith("-"));
  const load = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!load) {
    process.stderr.write(
      `usage: npm run perf -- ${Object.keys(benches).join("|")} [--json]\n${name ? `no bench '${name}'\n` : ""}`,
    );
    return 2;
  }
  const bench = await load();
  const figures = await bench.run();
  const text = json ? JSON.stringify(figures) : (bench.print?.(figures) ?? lines(figures));
  process.stdout.write(`${text}\n`);
  const { missed = [] } = figures;
  for (const what of missed) process.stderr.write(`MISSED ${what}\n`);
  return missed.length === 0 ? 0 : 1;
}

/** Nested figures as `path  value` lines. */
function lines(figures: object, prefix = ""): string {
  return Object.entries(figures)
    .map(([key, value]) =>
      typeof value === "object" && value !== null
        ? lines(value, `${prefix}${key}.`)
        : `${`${prefix}${key}`.padEnd(44)} ${value}`,
    )
    .join("\n");
}

process.exitCode = await main(process.argv.slice(2));
