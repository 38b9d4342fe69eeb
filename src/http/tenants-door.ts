/** The tenants' door: the schema of the installed modules, each mutation with a key once, the budget of the caller's plan. */
import { createExecute } from '../kernel/graphql/execution.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { createExecuteOnce } from '../services/idempotency/execute-once.js';
import type { Door } from './door.js';
import { publicForm } from './error-masking.js';
import { orTooLarge } from './executor.js';
import { roleIntrospection } from './role-introspection.js';
import type { Services } from './services.js';

/** Returns the door. */
export function tenantsDoor({
  api,
  database,
  config,
  documentReader,
  rates,
}: Pick<Services, 'api' | 'database' | 'config' | 'documentReader' | 'rates'>): Door<RequestContext> {
  const execute = createExecute(api.schema, config.production);
  const executeOnce = createExecuteOnce({ api, database, publicForm });
  return {
    schema: api.schema,
    reader: documentReader,
    run: ({ operationName, ...operation }) =>
      executeOnce(operation, async (contextOfAttempt) =>
        orTooLarge(
          await execute({
            document: operation.document,
            operationName,
            variables: operation.variables ?? {},
            context: contextOfAttempt,
          }),
        ),
      ),
    // A guest has no tenant whose budget it could use, and may send one mutation.
    budgetOf: (context) =>
      context.isGuest
        ? { mostCost: context.plans.smallest.mostCostPerRequest }
        : {
            mostCost: context.viewer.plan.mostCostPerRequest,
            reserve: (requested) => rates.reserve(context.viewer, requested),
          },
    introspection: roleIntrospection(api.roleSchemas),
  };
}
