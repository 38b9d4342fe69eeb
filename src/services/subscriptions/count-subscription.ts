import { getOperationAST } from 'graphql';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import type { FieldUsage } from '../field-usage/field-usage.js';
import type { TenantUsage } from '../telemetry/tenant-usage.js';
import type { Subscription } from './operation.js';

/** Counts a subscription that begins: as a request of its tenant, and what it uses of the schema. */
export const countSubscriptions =
  (tenantUsage: TenantUsage, fieldUsage: FieldUsage) =>
  ({ tenantId, actor }: Viewer, { document, operationName, variableValues }: Subscription): void => {
    tenantUsage.add(tenantId, 'requests', 1);
    const operation = getOperationAST(document, operationName);
    if (!operation) return;
    const by = { tenantId, client: '', apiKey: actor.type === 'api_key' ? actor.id : '' };
    fieldUsage.count(by, { document, operation, variables: variableValues ?? {} });
  };
