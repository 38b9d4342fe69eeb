/** A move of a tenant into a schema or out of it as a process, for tests that kill it: it says when it has begun. */
import process from 'node:process';
import { moveSide, undoSide } from '../../src/services/lifecycle/move-side.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';

const { HOME_URL: url = '', OWNER_URL = '', CONTEXT_SIGNING_KEY: contextKey } = process.env;
const [what, slug = '', to = ''] = process.argv.slice(2);

const connect = <Result>(work: Parameters<typeof withOperatorConnection<Result>>[1]) =>
  withOperatorConnection({ url, operator: 'tester', contextKey }, work);

await connect(async (home) => {
  const cells = new OperatorCells(home, new Map());
  const order = {
    slug,
    reason: 'test',
    connect: <Result>(_cell: string | undefined, work: Parameters<typeof connect<Result>>[0]) =>
      connect(work),
    ownerUrl: () => Promise.resolve(OWNER_URL),
  };
  process.stdout.write('it has begun\n');
  if (what === 'undo') await undoSide(cells, order);
  else await moveSide(cells, { ...order, to: to === 'schema' ? 'schema' : 'shared' });
});
process.stdout.write('it is done\n');
