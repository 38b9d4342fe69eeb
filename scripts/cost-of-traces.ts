/**
 * Measures the processor time of requests without traces, with traces of which one in a hundred is kept, and with all kept,
 * in alternating rounds of one process; and that of a place that looks whether there is a trace, while there is none.
 *
 * Needs the database of a server that is running for development, and its data folder: `tsx scripts/cost-of-traces.ts`.
 */
import process from 'node:process';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { buildApp } from '../src/app.js';
import { commandUrls } from '../src/cli/connect.js';
import { createServices } from '../src/create-services.js';
import { findMember } from '../src/kernel/auth/find-member.js';
import { issueToken } from '../src/kernel/auth/issue-token.js';
import { readConfig } from '../src/kernel/config/config.js';
import { RequestUsage } from '../src/kernel/request/request-usage.js';
import { traceWith } from '../src/kernel/tracing/trace.js';
import { modules } from '../src/modules.js';

const ROUNDS = 15;
const REQUESTS = 200;
const LOOKS = 20_000_000;
const SECRET = 'kR4tY8uI2oP6aS0dF9gH3jK7lZ1xC5vB';

const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)]!;

const tracerOf = (ratio: number) =>
  new BasicTracerProvider({ sampler: new TraceIdRatioBasedSampler(ratio) }).getTracer('cost');

async function requests(): Promise<void> {
  const config = readConfig({ ...process.env, LOG_LEVEL: 'silent', JWT_SECRET: SECRET });
  const urls = await commandUrls(config);
  const services = createServices({
    config,
    modules,
    databaseUrl: urls.app,
    contextKey: urls.contextKey,
    secret: SECRET,
    warn: () => undefined,
  });
  // Its hooks are installed while traces are on.
  traceWith(trace.getTracer('none'));
  const app = await buildApp(services);
  const signing = { secret: SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience };
  const token = issueToken(await findMember(services.database, 'acme', 'owner@acme.test'), signing, 3_600);
  const round = async (): Promise<number> => {
    const before = process.cpuUsage();
    for (let n = 0; n < REQUESTS; n++) {
      const { statusCode } = await app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        payload: { query: 'query Members { members(first: 4) { nodes { email role } } }' },
      });
      if (statusCode !== 200) throw new Error(`answered ${String(statusCode)}`);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / REQUESTS;
  };
  const ways = { off: undefined, 'one in a hundred': tracerOf(0.01), all: tracerOf(1) };
  const taken: Record<keyof typeof ways, number[]> = { off: [], 'one in a hundred': [], all: [] };
  for (let n = 0; n < 3; n++) await round();
  for (let n = 0; n < ROUNDS; n++) {
    for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
      traceWith(ways[way]);
      taken[way].push(await round());
    }
  }
  const off = median(taken.off);
  for (const [way, values] of Object.entries(taken)) {
    const time = median(values);
    process.stdout.write(
      `${way}: ${time.toFixed(0)} µs of processor time a request, ${(time / off).toFixed(3)} of off\n`,
    );
  }
  await app.close();
  await services.close();
}

function looks(): void {
  const usage = new RequestUsage();
  let sum = 0;
  const timed = (work: () => void): number => {
    const before = performance.now();
    work();
    return ((performance.now() - before) / LOOKS) * 1e6;
  };
  const bare: number[] = [];
  const looking: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    bare.push(
      timed(() => {
        for (let look = 0; look < LOOKS; look++) sum += look & 1;
      }),
    );
    looking.push(
      timed(() => {
        for (let look = 0; look < LOOKS; look++) sum += usage.trace ? 2 : look & 1;
      }),
    );
  }
  process.stdout.write(
    `a place while traces are off: ${(median(looking) - median(bare)).toFixed(2)} ns (loop ${median(bare).toFixed(2)} ns, ${String(sum % 2)})\n`,
  );
}

looks();
await requests();
process.exit();
