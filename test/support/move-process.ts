/** A move between two cells as a process, for tests that kill it: it says when it has begun, and what it has done. */
import process from 'node:process';
import { moveTenant, undoMove } from '../../src/services/lifecycle/move-tenant.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';

const { HOME_URL = '', CELL_URL = '', CONTEXT_SIGNING_KEY: contextKey } = process.env;
const [what, slug = '', to = ''] = process.argv.slice(2);

const connected = <Result>(url: string, work: Parameters<typeof withOperatorConnection<Result>>[1]) =>
  withOperatorConnection({ url, operator: 'tester', contextKey }, work);

await connected(HOME_URL, (home) =>
  connected(CELL_URL, async (cell) => {
    const cells = new OperatorCells(home, new Map([['eu2', cell]]));
    const order = { slug, reason: 'test', keys: undefined };
    process.stdout.write('it has begun\n');
    if (what === 'undo') await undoMove(cells, order);
    else await moveTenant(cells, { ...order, to: to === 'default' ? undefined : to });
  }),
);
process.stdout.write('it is done\n');
