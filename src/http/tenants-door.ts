/** The tenants' door: the schema of the installed modules, each mutation with a key once, the budget of the caller's plan. */
import { createExecute } from '../kernel/graphql/execution.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import type { CostReservation } from '../services/rates/cost-reservation.js';
import { createExecuteOnce } from '../services/idempotency/execute-once.js';
import type { FieldUsage } from '../services/field-usage/field-usage.js';
import type { Door, DoorOperation } from './door.js';
import { publicForm } from './error-masking.js';
import { orTooLarge } from './executor.js';
import { recordRefusals } from './record-refusals.js';
import { roleIntrospection } from './role-introspection.js';
import type { Services } from './services.js';

function countFields(
  fieldUsage: FieldUsage,
  { document, operation, variables = {}, context }: Omit<DoorOperation<RequestContext>, 'operationName'>,
): void {
  if (context.isGuest || !operation) return;
  const { tenantId, actor } = context.viewer;
  const by = { tenantId, client: context.usage.client, apiKey: actor.type === 'api_key' ? actor.id : '' };
  fieldUsage.count(by, { document, operation, variables });
}

/** Returns the door. */
export function tenantsDoor({
  api,
  database,
  config,
  documentReader,
  rates,
  accessRecords,
  activity,
  ownWrites,
  fieldUsage,
}: Pick<
  Services,
  | 'api'
  | 'database'
  | 'config'
  | 'documentReader'
  | 'rates'
  | 'accessRecords'
  | 'activity'
  | 'ownWrites'
  | 'fieldUsage'
>): Door<RequestContext> {
  const execute = createExecute(api.schema, config.production);
  const executeOnce = createExecuteOnce({ api, database, publicForm });
  return {
    schema: api.schema,
    reader: documentReader,
    run: ({ operationName, ...operation }) => {
      countFields(fieldUsage, operation);
      return ownWrites.around(operation, () =>
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
      );
    },
    // A guest has no tenant whose budget it could use, and may send one mutation.
    budgetOf: (context) =>
      context.isGuest
        ? { mostCost: context.plans.smallest.mostCostPerRequest }
        : {
            mostCost: context.viewer.plan.mostCostPerRequest,
            reserve: (requested) => {
              const { viewer } = context;
              const counted = (reservation: CostReservation) => ({
                settle: (actual: number) => {
                  const report = reservation.settle(actual);
                  activity.add(viewer.tenantId, 'cost', report.actual);
                  return report;
                },
              });
              // Without a promise in memory, because this is done for each request.
              const reserving = rates.reserve(viewer, requested);
              return reserving instanceof Promise ? reserving.then(counted) : counted(reserving);
            },
          },
    plugins: [roleIntrospection(api.roleSchemas), recordRefusals(accessRecords)],
  };
}
