/** The handlers of the installed modules, by task. */
import type { JobHandler } from '../../kernel/graphql/job-handler.js';
import type { Module } from '../../kernel/graphql/module.js';

/** The payload is checked by the handler's own schema before it is passed. */
export type AnyJobHandler = JobHandler<unknown>;

export type Handlers = ReadonlyMap<string, AnyJobHandler>;

/** As the check of the column `task` in the database. */
const TASK = /^[a-z][a-zA-Z0-9_-]*(\.[a-zA-Z0-9_-]+)*$/;
const LONGEST_TASK = 100;

/** @throws Error when two modules handle the same task, or a task has a name that the database refuses */
export function jobHandlers(modules: readonly Pick<Module, 'name' | 'jobs'>[]): Handlers {
  const handlers = new Map<string, AnyJobHandler>();
  for (const { name, jobs = {} } of modules) {
    // The handler's own schema makes its payload of what is stored.
    const declared = jobs as unknown as Readonly<Record<string, AnyJobHandler | undefined>>;
    for (const [task, handler] of Object.entries(declared)) {
      if (!handler) continue;
      if (handlers.has(task)) throw new Error(`${name} handles the job ${task}, as another module does`);
      if (!TASK.test(task) || task.length > LONGEST_TASK)
        throw new Error(`${name} handles ${task}, which is not the name of a task: see docs/jobs.md`);
      handlers.set(task, handler);
    }
  }
  return handlers;
}
