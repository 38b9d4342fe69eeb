/** The TypeScript types of types in this module's schema: see codegen.ts. */
import type { Connection } from '../../kernel/graphql/connection.js';
import type { JobRow } from './job-rows.js';

export type { JobRow as JobMapper } from './job-rows.js';
export type JobConnectionMapper = Connection<JobRow>;
export type { JobState as JobStateMapper } from '../../kernel/vocabulary/job.js';
