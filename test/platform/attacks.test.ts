/**
 * Attacks a server with production settings in every way of docs/attack-table.md. Each attack is refused with the given
 * status and code, reveals nothing else, and changes nothing.
 */
import { attacksOnModules, PLATFORM_MODULES } from '../support/platform-attacks.js';
import { runAttacks } from '../support/run-attacks.js';

runAttacks(PLATFORM_MODULES, attacksOnModules(PLATFORM_MODULES));
