import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { jobsById } from './job-rows.js';
import { resolvers } from './job.resolvers.js';

/** Shows the jobs of the tenant, and retries and cancels them. Workers run them: src/services/jobs. */
export const jobModule = defineModule({
  name: 'job',
  typeDefs: readSchema(import.meta.url, 'job.graphql'),
  resolvers,
  permissions: { 'jobs:manage': ['owner', 'admin'] },
  nodes: { Job: (ids, { db }) => jobsById(db, ids) },
});
