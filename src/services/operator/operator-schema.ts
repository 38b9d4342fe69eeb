/**
 * The schema of the operators' door. It has the same guards as that of tenants, by the same code: a field without one stops
 * the start, and graphql-shield refuses what has no rule.
 */
import { makeExecutableSchema } from '@graphql-tools/schema';
import { parse, type GraphQLSchema } from 'graphql';
import { readGuards } from '../../kernel/access/guards.js';
import { readInputGuards } from '../../kernel/access/input-guards.js';
import { DateTime } from '../../kernel/graphql/date-time.js';
import { keepDeclaredErrors } from '../../kernel/graphql/declared-errors.js';
import { describedDocument } from '../../kernel/graphql/describe.js';
import { decodeIds, encodeIds } from '../../kernel/graphql/ids.js';
import { JSONObject } from '../../kernel/graphql/json-object.js';
import { readSchema } from '../../kernel/graphql/module.js';
import { keepOwnDescriptions } from '../../kernel/graphql/schema.js';
import { guardSchema } from '../../kernel/graphql/shield.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  limitDocuments,
  type DocumentLimits,
} from '../../kernel/vocabulary/document-limits.js';
import { errorCodeEnum } from '../../kernel/vocabulary/error-codes.js';
import { RoleMatrix } from '../../kernel/vocabulary/permissions.js';
import { OPERATOR_GRANTS, OPERATOR_PERMISSIONS } from './operator-context.js';
import { resolvers } from './operator-resolvers.js';

export interface OperatorSchemaOptions {
  /** Whether an error of a mutation that its `@errors` does not declare is a defect. Default: `refuse`. */
  readonly undeclaredErrors?: 'refuse' | 'pass';
  /** Of documents for the schema. */
  readonly limits?: DocumentLimits;
}

/** @throws UnguardedSchemaError when a field has no guard */
export function buildOperatorSchema({
  undeclaredErrors = 'refuse',
  limits = DEFAULT_DOCUMENT_LIMITS,
}: OperatorSchemaOptions = {}): GraphQLSchema {
  const sdl = readSchema(import.meta.url, 'operator.graphql') + errorCodeEnum();
  const schema = makeExecutableSchema({
    typeDefs: describedDocument(parse(sdl).definitions, new RoleMatrix([OPERATOR_GRANTS]), limits, 'operator')
      .document,
    resolvers: [{ DateTime, JSONObject }, resolvers],
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
    // Otherwise the whole schema is copied.
    updateResolversInPlace: true,
  });
  keepOwnDescriptions(schema);
  const guards = readGuards(schema, OPERATOR_PERMISSIONS);
  encodeIds(schema);
  const inputGuards = readInputGuards(schema, OPERATOR_PERMISSIONS);
  guardSchema(schema, { guards, inputGuards }, {});
  decodeIds(schema, guards);
  keepDeclaredErrors(schema, undeclaredErrors);
  limitDocuments(schema, limits);
  return schema;
}
