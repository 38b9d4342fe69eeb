/** The error that a client receives for every constraint of every table of the example. */
import { proveConstraints } from '../support/constraints.js';
import { useDatabase } from '../support/database.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';

const database = useDatabase();

proveConstraints(database, {
  conversations: { row: (on) => insertConversation(on, 'acme') },
  messages: {
    row: async (on) => insertMessage(on, 'acme', { conversationId: await insertConversation(on, 'acme') }),
  },
});
