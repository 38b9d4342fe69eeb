/** What the example adds to the attacks on the platform. */
import { insertConversation } from '../support/example-rows.js';
import type { ForeignIds } from '../support/schema-attacks.js';

const inGlobex: ForeignIds[string] = (database) => insertConversation(database, 'globex');

export const FOREIGN_IDS: ForeignIds = {
  'Query.conversation': inGlobex,
  'Query.conversations': async () => 'demo|globex|owner',
  'Mutation.updateConversation': inGlobex,
  'Mutation.deleteConversation': inGlobex,
  'Mutation.postMessage': inGlobex,
};
