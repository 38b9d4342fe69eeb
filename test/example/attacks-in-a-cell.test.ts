/**
 * A selection of the attacks on tenants in a second cell: each tenth refusal of a role. Permissions are decided before a database
 * is asked, and a cell has the policies of every other database, so what is new is the route alone; each attack takes it.
 */
import { modules } from '../../src/modules.js';
import { useServerOfCell } from '../support/cells.js';
import { roleRefusals } from '../support/role-attacks.js';
import { runAttacks } from '../support/run-attacks.js';

const all = roleRefusals(modules);

runAttacks(
  modules,
  [{ ...all, attacks: all.attacks.filter((_, place) => place % 10 === 0) }],
  useServerOfCell,
);
