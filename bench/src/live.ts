/**
 * W6: a thousand subscribers over WebSocket, ten in each tenant, who are told of new rows at a fixed rate. Tenantry and
 * PostGraphile have turns, each alone on the database; the rows are written by a program beside them, so that both have the
 * same to tell.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { newSecret } from './compare.js';
import { CONTESTANTS, firstAnswer, start, stop, type Contestant } from './contestants.js';
import { startDatabase, withClient, type Server } from './database.js';
import { SIZES, tenantId, userId, VIEWER } from './dataset.js';
import { machineLine } from './machine.js';
import { BENCH, nodeBinary } from './places.js';
import { cpuTime, residentMb } from './processes.js';
import { session } from './session.js';
import { median } from './statistics.js';
import type { LiveMessage, LiveOrder, LiveReport } from './subscribers.js';
import { requestsOf, tokenOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

export interface LivePlan {
  readonly subscribers: number;
  /** Changes per second. */
  readonly rates: readonly number[];
  readonly rampUp: number;
  readonly seconds: number;
  readonly rounds: number;
}

const SIZE = 'tiny';
const QUERIES: Partial<Record<Contestant['name'], string>> = {
  tenantry: 'subscription W6 { conversationChanged { conversation { id userId subject body createdAt } } }',
  postgraphile:
    'subscription W6 { conversationChanged { conversation { id: rowId userId subject body createdAt } } }',
};

/** Prints the table. @throws Error when Tenantry does not deliver each change once to each subscriber */
export async function live(plan: LivePlan): Promise<void> {
  await session(async (onEnd) => {
    const database = await startDatabase((line) => console.error(line));
    onEnd(() => database.stop());
    const secret = newSecret();
    const address = await database.scratch(SIZE);
    await announce(address.superuser);
    const load = machineLine(database.version);
    const taking = CONTESTANTS.filter(({ name }) => QUERIES[name] !== undefined);
    const tables: string[] = [];
    for (const rate of plan.rates) {
      const turns = new Map<Contestant, Turn[]>(taking.map((contestant) => [contestant, []]));
      for (let round = 0; round < plan.rounds; round++) {
        for (let index = 0; index < taking.length; index++) {
          const contestant = taking[(round + index) % taking.length]!;
          const turn = await measure(
            contestant,
            { ...plan, rate },
            { database, app: address.app, secret, onEnd },
          );
          turns.get(contestant)!.push(turn);
          console.error(`  ${contestant.title}: ${line(turn)}`);
        }
      }
      tables.push(table(plan, rate, turns));
    }
    console.log([...tables, await load()].join('\n\n'));
  });
}

interface Turn extends LiveReport {
  /** CPU time of the server, in microseconds per delivery, and of PostgreSQL, per change. */
  readonly cpuServerUs: number;
  readonly cpuDatabaseUs: number;
  readonly rssMb: number;
}

async function measure(
  contestant: Contestant,
  { subscribers, rate, rampUp, seconds }: LivePlan & { readonly rate: number },
  parts: {
    readonly database: Server;
    readonly app: string;
    readonly secret: string;
    readonly onEnd: (stop: () => Promise<void>) => void;
  },
): Promise<Turn> {
  const { database, app, secret } = parts;
  const running = await start(contestant, {
    databaseUrl: app,
    secret,
    environment: { SUBSCRIPTIONS: 'true' },
  });
  parts.onEnd(running.stop);
  await firstAnswer(running, requestsOf(WORKLOADS[0]!, contestant.name, SIZE, secret)[0]!);
  const { tenants } = SIZES[SIZE];
  const child = fork(join(BENCH, 'dist/subscribers.js'), {
    execPath: nodeBinary(),
    execArgv: [],
    // JSON has no NaN.
    serialization: 'advanced',
  });
  parts.onEnd(() => stop(child));
  const times = async () => ({
    server: await cpuTime(running.pid),
    postgres: await cpuTime(database.pid),
    rssMb: await residentMb(running.pid),
  });
  let before = times();
  let after = before;
  const report = await new Promise<LiveReport>((resolve, reject) => {
    child.once('exit', () => reject(new Error('The subscribers have failed.')));
    child.on('message', (message: LiveMessage) => {
      if (message === 'measuring') before = times();
      else if (message === 'measured') after = times();
      else resolve(message);
    });
    child.send({
      origin: running.origin,
      subscribers: Array.from({ length: subscribers }, (_, index) => ({
        token: tokenOf(1 + (index % tenants), VIEWER, 'viewer', secret),
        query: QUERIES[contestant.name]!,
      })),
      database: app,
      tenants: Array.from({ length: tenants }, (_, index) => ({
        id: tenantId(1 + index),
        userId: userId(1 + index, VIEWER),
      })),
      rate,
      rampUp,
      seconds,
    } satisfies LiveOrder);
  });
  const [started, ended] = [await before, await after];
  await stop(child);
  await running.stop();
  if (contestant.name === 'tenantry' && report.missing + report.doubled > 0) {
    throw new Error(`${report.missing} deliveries are missing, ${report.doubled} came twice.`);
  }
  return {
    ...report,
    cpuServerUs: (ended.server - started.server) / report.told,
    cpuDatabaseUs: (ended.postgres - started.postgres) / report.changes,
    rssMb: ended.rssMb,
  };
}

/**
 * Tenantry announces each change on one channel, which its servers share out. PostGraphile's subscribers listen to the
 * channel of a topic, so each tenant has one, as its documentation has it. Both are announced whoever is listening.
 */
async function announce(superuser: string): Promise<void> {
  await withClient(superuser, async (client) => {
    await client.query(`
      CREATE FUNCTION public.announce_to_topic() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('conversations_' || NEW.tenant_id, json_build_object('id', NEW.id)::text);
        RETURN NULL;
      END $$;
      CREATE TRIGGER announce_to_topic AFTER INSERT ON public.conversations
      FOR EACH ROW EXECUTE FUNCTION public.announce_to_topic();
    `);
  });
}

const line = ({
  p50,
  p99,
  committedP99,
  cpuServerUs,
  cpuDatabaseUs,
  rssMb,
  delivered,
  seconds,
  missing,
}: Turn): string =>
  `delivered after p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (committed after p99 ${committedP99.toFixed(1)} ms), ` +
  `${(delivered / seconds).toFixed(0)} deliveries/s, ${missing} not within ten seconds, CPU ${cpuServerUs.toFixed(0)} µs per delivery + ` +
  `${cpuDatabaseUs.toFixed(0)} µs of PostgreSQL per change, ${rssMb.toFixed(0)} MiB`;

function table(
  { subscribers, seconds, rounds }: LivePlan,
  rate: number,
  turns: ReadonlyMap<Contestant, readonly Turn[]>,
): string {
  const rows = [...turns].map(([{ title }, list]) => {
    const of = (key: keyof Turn) => median(list.map((turn) => turn[key]));
    const ms = (key: keyof Turn) => (Number.isNaN(of(key)) ? 'too late' : `${of(key).toFixed(1)} ms`);
    const cells = [
      ms('p50'),
      ms('p99'),
      ms('committedP99'),
      of('missing').toFixed(0),
      `${of('cpuServerUs').toFixed(0)} µs`,
      `${of('cpuDatabaseUs').toFixed(0)} µs`,
      `${of('rssMb').toFixed(0)} MiB`,
    ];
    return `| ${title} | ${cells.join(' | ')} |`;
  });
  return [
    `### W6: ${subscribers} subscribers over WebSocket, ${rate} changes per second (medians of ${rounds} rounds of ${seconds} s)`,
    '',
    '| | delivered after, p50 | p99 | committed after, p99 | not within 10 s | CPU server per delivery | CPU database per change | memory |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}
