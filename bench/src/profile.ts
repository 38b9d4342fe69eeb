/**
 * Shows where Tenantry spends its time: runs its server under V8's sampling profiler with a workload, and draws a flame
 * graph. `npm run --prefix bench profile -- W1 W2` writes docs/performance/W1.svg and, for the browser's developer
 * tools, bench/.data/W1.cpuprofile.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTESTANTS, firstAnswer, freePort, start } from './contestants.js';
import { newSecret } from './compare.js';
import { startDatabase } from './database.js';
import { flameGraph, type CpuProfile } from './flame-graph.js';
import { startLoader } from './loader.js';
import { measure } from './measure.js';
import { BENCH } from './places.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

const CONNECTIONS = 16;
const SAMPLING_MICROSECONDS = 500;
const SIZE = 'small';

const asked = process.argv.slice(2);
const workloads = WORKLOADS.filter(({ name }) => asked.length === 0 || asked.includes(name));
await session(async (onEnd) => {
  const database = await startDatabase((line) => console.error(line));
  onEnd(() => database.stop());
  const loader = startLoader();
  onEnd(() => loader.stop());
  const folder = join(BENCH, '../docs/performance');
  await mkdir(folder, { recursive: true });
  const secret = newSecret();
  const { app } = await database.scratch(SIZE);
  const inspectorPort = await freePort();
  const nodeArguments = [`--inspect=127.0.0.1:${inspectorPort}`];
  const tenantry = await start(CONTESTANTS[0]!, { databaseUrl: app, secret, nodeArguments });
  onEnd(tenantry.stop);
  const inspector = await connect(inspectorPort);
  for (const workload of workloads) {
    const requests = requestsOf(workload, 'tenantry', SIZE, secret);
    await firstAnswer(tenantry, requests[0]!);
    const turn = { requests, errors: workload.refused, connections: CONNECTIONS, rampUp: 1 };
    await measure(tenantry, { ...turn, seconds: 6 }, loader, database);
    await inspector.call('Profiler.enable');
    await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
    await inspector.call('Profiler.start');
    await measure(tenantry, { ...turn, seconds: 8 }, loader, database);
    const { profile } = (await inspector.call('Profiler.stop')) as { readonly profile: CpuProfile };
    await writeFile(join(BENCH, `.data/${workload.name}.cpuprofile`), JSON.stringify(profile));
    const title = `${workload.name}: ${workload.title}`;
    await writeFile(join(folder, `${workload.name}.svg`), flameGraph(profile, title));
    console.error(`Wrote docs/performance/${workload.name}.svg`);
  }
  inspector.close();
});

interface Inspector {
  call(method: string, params?: object): Promise<unknown>;
  close(): void;
}

/** Connects to the inspector of a Node process. */
async function connect(port: number): Promise<Inspector> {
  const targets = await fetchRepeatedly(`http://127.0.0.1:${port}/json/list`);
  const socket = new WebSocket((targets as { webSocketDebuggerUrl: string }[])[0]!.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('The inspector cannot be reached.')), {
      once: true,
    });
  });
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  let last = 0;
  return {
    call: (method, params = {}) =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        socket.send(JSON.stringify({ id: last, method, params }));
      }),
    close: () => socket.close(),
  };
}

async function fetchRepeatedly(url: string): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (await fetch(url)).json();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
