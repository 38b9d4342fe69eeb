/** Mutants of ids that carry their type, and of the fields that read objects by their ids alone. */
import { edit, type MutantGroup } from './mutant.js';

const READER = 'src/kernel/graphql/node-reader.ts';
const IDS = 'src/kernel/graphql/ids.ts';
const FEDERATION = 'src/kernel/graphql/federation.ts';
const SUBGRAPH = 'test/platform/federation.test.ts';
const NODES = 'test/platform/nodes.test.ts';
const UNIT = 'test/kernel/ids.unit.test.ts';

export const objectsByTheirIds: MutantGroup = {
  title: 'Objects by their ids',
  mutants: [
    {
      name: 'node-guard-ignored',
      breaks: 'node answers objects of types that the caller may not read',
      edits: [
        edit(
          READER,
          'if (guard !== null && !context.viewer.permissions.has(guard)) throw',
          'if (guard === undefined) throw',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'node-guard-after-the-read',
      breaks: 'node reads objects of types that the caller may not read, and then refuses them',
      edits: [
        edit(
          READER,
          '    if (guard !== null && !context.viewer.permissions.has(guard)) throw forbidden(guard);\n',
          '    if (guard !== null && !context.viewer.permissions.has(guard))\n      return read([typed.uuid], context).then(() => {\n        throw forbidden(guard);\n      });\n',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'node-remembers-for-everybody',
      breaks: 'node answers to one tenant what it has read for another',
      edits: [
        edit(
          READER,
          'export class NodeReader implements Nodes {',
          'const kept = new Map<string, Awaited<ReturnType<ReadNodes>>>();\n\nexport class NodeReader implements Nodes {',
        ),
        edit(
          READER,
          'const rows = await read(ids, context);',
          'const found = await read(ids, context);\n      if (found.length > 0) kept.set(ids.join(), found);\n      const rows = kept.get(ids.join()) ?? found;',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'viewer-of-another-by-node',
      breaks: 'node answers the caller for the id of any other caller',
      edits: [
        edit(
          'src/platform/tenant/tenant.resolvers.ts',
          'const id = viewerId(viewer);',
          'const id = ids[0]!;',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'membership-of-another-by-node',
      breaks: 'node answers the caller’s memberships for the id of any other',
      edits: [
        edit(
          'src/platform/tenant/viewer-membership.ts',
          'rows.filter((row) => ids.includes(row.membership_id))',
          'rows.slice(0, 1).map((own) => ({ ...own, membership_id: ids[0]! }))',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'id-of-another-type',
      breaks: 'an id of another type finds the object with the same UUID',
      edits: [
        edit(
          IDS,
          "return id.prefix === prefix || id.prefix === '' ? id.uuid : NO_ROW;",
          "return prefix !== '' ? id.uuid : NO_ROW;",
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'form-of-ids-before-guards',
      breaks: 'a caller who may not use a field is told whether the id has the right form',
      edits: [
        edit(
          IDS,
          'if (guard !== null && !context.viewer.permissions.has(guard)) throw',
          'if (guard === undefined) throw',
        ),
      ],
      tests: [UNIT],
    },
    {
      name: 'node-beyond-other-fields',
      breaks: 'the server starts although node shows a type to callers who reach it by no other field',
      edits: [edit(READER, '    refuseUnreachableNodes(schema, guards, permissions);\n', '')],
      tests: [UNIT],
    },
    {
      name: 'tenant-elsewhere-unguarded',
      breaks:
        'of a tenant in which the request does not act, fields are answered by the permissions of another',
      edits: [
        edit(
          'src/kernel/graphql/tenant-elsewhere.ts',
          'if (tenant instanceof TenantElsewhere) {',
          'if (tenant === undefined) {',
        ),
      ],
      tests: [NODES],
    },
    {
      name: 'entity-under-another-type',
      breaks: 'a router of a federation is given an object under the name of another type',
      edits: [
        edit(
          FEDERATION,
          "return prefix === undefined || prefix === '' || prefix === idPrefix(type) ? id : undefined;",
          'return prefix === idPrefix(type) ? id : id;',
        ),
      ],
      tests: [SUBGRAPH],
    },
    {
      name: 'subgraph-of-everybody',
      breaks: 'a subgraph says its whole schema to every caller',
      edits: [
        edit(
          FEDERATION,
          '= this.#schemas().for(permissions);',
          '= this.#schemas().for(EVERYBODY ??= permissions);',
        ),
        edit(
          FEDERATION,
          '/** The SDL of the subgraph for each set of permissions. */',
          'let EVERYBODY: Parameters<RoleSchemas["for"]>[0] | undefined;\n\n/** The SDL of the subgraph for each set of permissions. */',
        ),
      ],
      tests: [SUBGRAPH],
    },
  ],
};
