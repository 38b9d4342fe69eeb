import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './message.resolvers.js';

/** Messages of a conversation. The permissions are those of the conversation they belong to. */
export const messageModule = defineModule({
  name: 'message',
  typeDefs: readSchema(import.meta.url, 'message.graphql'),
  resolvers,
});
