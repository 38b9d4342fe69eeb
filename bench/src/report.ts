/** Prints the results as tables in Markdown. */
import { CONTESTANTS } from './contestants.js';
import type { Comparison } from './compare.js';
import type { Results } from './results.js';
import type { Scaling } from './scale.js';
import { WORKLOADS } from './workloads.js';

export type Report = Comparison & { readonly scale: Readonly<Record<string, Scaling>> };

export function markdown({ machine, startup, workloads, scale }: Report): string {
  const lines = [
    `Node ${machine.node}, PostgreSQL ${machine.postgres}, ${machine.cores} × ${machine.cpu}; other programs kept ` +
      `${machine.foreignCores.toFixed(2)} cores busy. Medians of interleaved rounds.`,
    '“Tenantry ×” is Tenantry’s requests per second over theirs: median of the rounds (lowest–highest).',
  ];
  for (const { name, title } of WORKLOADS) {
    const results = workloads[name];
    if (!results) continue;
    lines.push('', `### ${name}: ${title}`, '');
    lines.push(...table(results, 16), '', ...table(results.c64, 64));
  }
  lines.push('', '### Start', '', '| | first answer after | memory at rest |', '| --- | ---: | ---: |');
  for (const { name, title } of CONTESTANTS) {
    const start = startup[name];
    if (start) lines.push(`| ${title} | ${start.ms.toFixed(0)} ms | ${start.rssMb.toFixed(0)} MiB |`);
  }
  if (Object.keys(scale).length > 0) {
    lines.push(
      '',
      '### 10,000 tenants and 10 million rows against 100 tenants and 600,000: CPU per request',
      '',
    );
    lines.push('| | ratio | 100 tenants | 10,000 tenants |', '| --- | ---: | ---: | ---: |');
    for (const [name, { ratio, spread, small, large }] of Object.entries(scale)) {
      const cost = [small, large].map(
        ({ cpuServerUs, cpuDatabaseUs }) => `${(cpuServerUs + cpuDatabaseUs).toFixed(0)} µs`,
      );
      lines.push(
        `| ${name} | ${ratio.toFixed(2)} (${spread.map((value) => value.toFixed(2)).join('–')}) | ${cost.join(' | ')} |`,
      );
    }
  }
  return lines.join('\n');
}

function table(results: Results, connections: number): string[] {
  const rows = CONTESTANTS.flatMap(({ name, title }) => {
    const figures = results[name];
    if (!figures) return [];
    const spread = results.spread[name]?.map((value) => value.toFixed(2)).join('–');
    const { rps, p50, p99, cpuServerUs, cpuDatabaseUs, rssMb, bytes } = figures;
    const cells = [
      title,
      rps.toFixed(0),
      spread === undefined ? '' : `${results.ratio[name]!.toFixed(2)} (${spread})`,
      `${p50.toFixed(1)} ms`,
      `${p99.toFixed(1)} ms`,
      `${cpuServerUs.toFixed(0)} µs`,
      `${cpuDatabaseUs.toFixed(0)} µs`,
      `${rssMb.toFixed(0)} MiB`,
      bytes.toFixed(0),
    ];
    return [`| ${cells.join(' | ')} |`];
  });
  const wrong = CONTESTANTS.flatMap(({ name, title }) =>
    results[name]?.wrong
      ? [`${title}: ${results[name].wrong} requests were refused or answered wrong, and are not counted.`]
      : [],
  );
  return [
    `| ${connections} connections | requests/s | Tenantry × | p50 | p99 | CPU server | CPU database | memory | bytes |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    ...wrong.flatMap((line) => ['', line]),
  ];
}
