/**
 * Attacks a running server, as it runs in production, in every way of docs/attack-table.md: each is refused with the
 * status and the code that stand there, tells nothing else, and changes nothing.
 */
import { attacksOnModules, PLATFORM_MODULES } from '../support/platform-attacks.js';
import { runAttacks } from '../support/run-attacks.js';

runAttacks(PLATFORM_MODULES, attacksOnModules(PLATFORM_MODULES));
