/** Debian's Prometheus, which reads the metrics of one server once a second. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './unprivileged.js';
import { until } from './until.js';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface TestPrometheus {
  /** The series that an expression has now. @throws Error when Prometheus cannot evaluate it */
  query(expression: string): Promise<readonly Series[]>;
  /** The rules that Prometheus has loaded, by name, and whether each could be evaluated. */
  rules(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

/**
 * Needs Debian's `prometheus`.
 *
 * @param metricsUrl where the metrics are
 * @param ruleFile a file of alerts
 */
export async function startPrometheus(
  metricsUrl: string,
  { ruleFile, token }: { readonly ruleFile: string; readonly token?: string },
): Promise<TestPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-prometheus-'));
  const { host, pathname } = new URL(metricsUrl);
  await writeFile(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [ruleFile],
      scrape_configs: [
        {
          job_name: 'tenantry',
          metrics_path: pathname,
          static_configs: [{ targets: [host] }],
          ...(token !== undefined && { authorization: { credentials: token } }),
        },
      ],
    }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  let failure: unknown;
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  child.on('error', (error) => (failure = error));
  await until('Prometheus is ready', async () => {
    if (failure !== undefined || child.exitCode !== null)
      throw new Error(`prometheus has ended: ${output}`, { cause: failure });
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200;
  });

  async function ask<Data>(path: string): Promise<Data> {
    const answer = await fetch(`${url}/api/v1/${path}`);
    const body = (await answer.json()) as { status: string; error?: string; data: Data };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error ?? ''}`);
    return body.data;
  }
  return {
    query: async (expression) =>
      (await ask<{ result: Series[] }>(`query?query=${encodeURIComponent(expression)}`)).result,
    rules: async () => {
      const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
      return new Map(groups.flatMap(({ rules }) => rules.map(({ name, health }) => [name, health] as const)));
    },
    async close() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}
