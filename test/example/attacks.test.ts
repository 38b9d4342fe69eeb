/** The attacks that the schema lists, on the whole installed schema: foreign ids and roles, of every field. */
import { modules } from '../../src/modules.js';
import { PLATFORM_FOREIGN_IDS } from '../support/platform-attacks.js';
import { runAttacks } from '../support/run-attacks.js';
import { foreignIds, roleRefusals } from '../support/schema-attacks.js';
import { FOREIGN_IDS } from './attacks.js';

runAttacks(modules, [
  roleRefusals(modules),
  foreignIds(modules, { ...PLATFORM_FOREIGN_IDS, ...FOREIGN_IDS }),
]);
