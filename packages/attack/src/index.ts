/** The attack as a function, for tests that can observe the attacked server. The command is main.ts. */
export { attack } from './run.js';
export { callerOf, keyOf } from './callers.js';
export type { Observer } from './campaign.js';
export { hostileRequests } from './hostile-documents.js';
export { lootValue, newMark, type LootValue } from './loot.js';
export { isClean, printReport, type Breach, type Report } from './report.js';
