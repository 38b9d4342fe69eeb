import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { notImpersonated } from '../../kernel/graphql/users-only.js';
import { webhookContext } from './webhook-context.js';
import { jobs } from './webhook.jobs.js';
import { resolvers } from './webhook.resolvers.js';

/** Tells receivers of the tenant's own choice about its changes: see docs/webhooks.md. */
export const webhookModule = defineModule({
  name: 'webhook',
  typeDefs: readSchema(import.meta.url, 'webhook.graphql'),
  resolvers,
  context: webhookContext,
  jobs,
  rules: {
    'Mutation.createWebhook': notImpersonated,
    'Mutation.updateWebhook': notImpersonated,
    'Mutation.rotateWebhookSecret': notImpersonated,
  },
  quotas: { webhooks: 'Webhook' },
  permissions: { 'webhooks:manage': ['owner', 'admin'] },
  // No field shows these columns.
  audit: {
    Webhook: {
      columns: { api_key_id: 'webhooks:manage', revision: 'webhooks:manage', held_until: 'failingSince' },
    },
  },
});
