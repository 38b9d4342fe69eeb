/** The attacks of attacks.test.ts on tenants that have schemas of their own. */
import { modules } from '../../src/modules.js';
import { useServerOfSchemas } from '../support/own-schemas.js';
import { roleRefusals } from '../support/role-attacks.js';
import { runAttacks } from '../support/run-attacks.js';

runAttacks(modules, [roleRefusals(modules)], (options) => useServerOfSchemas(['acme', 'globex'], options));
