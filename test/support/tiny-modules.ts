/** Small modules for the tests of guards, and requests to a schema that consists of them. */
import { graphql, type ExecutionResult } from 'graphql';
import { expect } from 'vitest';
import { UnguardedSchemaError } from '../../src/kernel/access/guards.js';
import type { Permission, PermissionGrants } from '../../src/kernel/vocabulary/permissions.js';
import type { DataRules } from '../../src/kernel/graphql/shield.js';
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import { buildApi, type Api } from '../../src/kernel/graphql/schema.js';

export interface Parts {
  /** An object, because the generated types do not have the types of these modules. */
  readonly resolvers?: object;
  readonly permissions?: PermissionGrants;
  readonly rules?: DataRules;
}

export const moduleOf = (typeDefs: string, { resolvers = {}, ...rest }: Parts = {}): Module =>
  defineModule({ name: 'tiny', typeDefs, resolvers, ...rest });

/** Two permissions, and a type that requires the first of them. */
export const notes = moduleOf(
  `extend enum Permission { NOTES_READ NOTES_WRITE }
   type Note @requires(permission: NOTES_READ) { id: ID! text: String }`,
  { permissions: { 'notes:read': ['owner', 'member'], 'notes:write': ['owner'] } },
);

export const withNotes = (typeDefs: string, parts?: Parts) => buildApi([notes, moduleOf(typeDefs, parts)]);

/** The reason why a schema is refused. Throws when it is accepted. */
export function refusal(typeDefs: string, parts?: Parts): string {
  try {
    withNotes(typeDefs, parts);
  } catch (error) {
    expect(error).toBeInstanceOf(UnguardedSchemaError);
    return (error as UnguardedSchemaError).message;
  }
  throw new Error('the schema was accepted');
}

/** Executes a document for a caller with these permissions. The errors are not masked. */
export const ask = (api: Api, source: string, permissions: readonly Permission[]): Promise<ExecutionResult> =>
  graphql({
    schema: api.schema,
    source,
    contextValue: { viewer: { permissions: new Set(permissions) }, roles: api.roles },
  });
