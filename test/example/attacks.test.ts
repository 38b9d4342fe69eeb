/** The attacks that follow from the whole installed schema: every mutation by every role that may not use it. */
import { modules } from '../../src/modules.js';
import { roleRefusals } from '../support/role-attacks.js';
import { runAttacks } from '../support/run-attacks.js';

runAttacks(modules, [roleRefusals(modules)]);
