/** Mutants of cells: a tenant is served, or written, where it is not. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const CELLS = 'test/example/cells.slow.test.ts';
const MOVES = 'test/example/tenant-move.slow.test.ts';
const MEMBERSHIPS = 'test/platform/memberships-in-cells.slow.test.ts';
const LISTS = 'test/services/cells-away-lists.slow.test.ts';
const CHANGES = 'test/example/tenant-move-changes.slow.test.ts';

export const cells: MutantGroup = {
  title: 'Cells',
  mutants: [
    {
      name: 'route-by-default',
      breaks: 'a tenant whose cell the server does not know is looked for in the default one',
      edits: [
        edit(
          'src/kernel/cells/cells.ts',
          "if (!cell?.isChecked) throw new PublicError('UNAVAILABLE', AWAY);\n    return cell;",
          'return cell ?? home;',
        ),
      ],
      tests: [CELLS],
    },
    {
      name: 'slug-of-two-cells',
      breaks: 'the default cell gives a tenant the slug of one that is elsewhere',
      sql: inFunction('refuse_placed_slug', 'd.slug = NEW.slug AND d.subject <> NEW.id', 'false'),
      tests: [CELLS],
    },
    {
      name: 'leaving-tenant-is-written',
      breaks: 'a tenant is written during the last pass of its move',
      sql: inFunction(
        'refuse_fenced',
        'IF pg_try_advisory_xact_lock_shared(tenantry.writes_of(tenant)) THEN',
        'IF true THEN',
      ),
      tests: [MOVES],
    },
    {
      name: 'left-tenant-is-served',
      breaks: 'the copy that a move has left behind is read',
      sql: inFunction(
        'refuse_fenced',
        "m.state = 'leaving') THEN\n    IF read_only",
        "m.state <> 'arriving') THEN\n    IF read_only",
      ),
      tests: [MOVES],
    },
    {
      name: 'old-snapshot-writes-the-old-copy',
      breaks: 'a transaction that has not noticed the end of a move writes what it has left behind',
      sql: inFunction('refuse_fenced', "m.state = 'leaving' FOR SHARE", "m.state = 'leaving'"),
      tests: [MOVES],
    },
    {
      name: 'move-does-not-wait',
      breaks: 'what a transaction writes that was open before a move is not in the copy',
      edits: [
        edit('src/services/lifecycle/move-tenant.ts', '      await olderTransactionsEnd(source);\n', ''),
      ],
      tests: [MOVES],
    },
    {
      name: 'last-pass-does-not-lock',
      breaks: 'what a transaction writes that is open at the end of a move is not in the copy',
      edits: [
        edit(
          'src/services/lifecycle/copy-and-leave.ts',
          'SELECT pg_advisory_lock(tenantry.writes_of($1))',
          'SELECT tenantry.writes_of($1)',
        ),
      ],
      tests: [MOVES],
    },
    {
      name: 'move-does-not-compare',
      breaks: 'a copy that is not equal is served',
      edits: [
        edit(
          'src/services/lifecycle/copy-pass.ts',
          'if (different.length > 0) refuse(different, since);',
          'if (different.length < 0) refuse(different, since);',
        ),
      ],
      tests: [MOVES],
    },
    {
      name: 'arriving-copy-is-served',
      breaks: 'the copy accepts writes before the source has stopped',
      sql: inFunction(
        'set_fence',
        'FROM tenantry.moves m',
        "FROM tenantry.moves m WHERE m.state <> 'arriving'",
      ),
      tests: [MOVES],
    },
    {
      name: 'changes-are-not-copied',
      breaks: 'rows that were changed while a tenant was copied keep their former values',
      sql: inFunction('merge_lines', 'DO UPDATE SET %s WHERE %s', 'DO UPDATE SET %s WHERE false AND %s'),
      tests: [CHANGES],
    },
    {
      name: 'deleted-rows-come-back',
      breaks: 'rows that were deleted while a tenant was copied are there again after the move',
      edits: [
        edit('src/services/lifecycle/copy-pass.ts', '!== wanted(table).rows;', '< wanted(table).rows;'),
      ],
      tests: [CHANGES],
    },
    {
      name: 'arriving-row-replaces-another-tenants',
      breaks: 'a row that arrives replaces one of another tenant with the same number',
      sql: inFunction('merge_lines', 'DO UPDATE SET %s WHERE %s', 'DO UPDATE SET %s WHERE true OR %s'),
      tests: [CHANGES],
    },
    {
      name: 'gone-tenant-keeps-its-route',
      breaks:
        'servers do not hear that a tenant is gone, and look for the next one with its slug where it was',
      sql: inFunction(
        'place_tenant',
        'DO UPDATE SET removals = s.removals + 1',
        'DO UPDATE SET removals = s.removals',
      ),
      tests: [CELLS],
    },
    {
      name: 'moving-tenant-is-erased',
      breaks: 'a tenant is erased while another cell has a copy of it',
      edits: [
        edit(
          'src/services/lifecycle/erase-tenant.ts',
          "if (row?.state === 'leaving') {",
          "if (row?.state === 'never') {",
        ),
      ],
      tests: [MOVES],
    },
    {
      name: 'use-in-another-cell',
      breaks: 'what a tenant uses is written to another database, which drops it',
      edits: [edit('src/background.ts', 'cellOf(tenantId) === name', 'cellOf(tenantId) !== null')],
      tests: [CELLS],
    },
    {
      name: 'part-of-the-tenants-for-all',
      breaks: 'a list of operators does not say that a cell is missing in it',
      edits: [
        edit(
          'src/services/operator/operator-cells.ts',
          "if (answer.status === 'rejected') away.push({ name, error: answer.reason });",
          "if (answer.status === 'rejected') continue;",
        ),
      ],
      tests: [LISTS],
    },
    {
      name: 'unknown-cell-is-not-missed',
      breaks: 'a list of operators does not say that a cell is missing in it of which the server has no URL',
      edits: [
        edit(
          'src/services/operator/operator-cells.ts',
          'if (!this.#others.has(name)) away.push',
          'if (name === undefined) away.push',
        ),
      ],
      tests: [LISTS],
    },
    {
      name: 'silent-cell-stops-lists',
      breaks: 'a cell that is silent keeps operators from the tenants of all others',
      edits: [
        edit(
          'src/services/operator/operator-cells.ts',
          'within(PATIENCE_MS, cellsKnownTo(connection, connection === this.home))',
          'cellsKnownTo(connection, connection === this.home)',
        ),
      ],
      tests: [LISTS],
    },
    {
      name: 'part-printed-as-all',
      breaks: 'a command that prints a part of the tenants exits as if it had printed all',
      edits: [edit('src/cli/as-operator.ts', 'process.exitCode ??= INCOMPLETE;', '')],
      tests: [LISTS],
    },
    {
      name: 'membership-of-a-copy',
      breaks: 'what a cell says of a tenant that is elsewhere counts as a membership',
      edits: [
        edit(
          'src/platform/tenant/memberships-elsewhere.ts',
          '.filter((row) => isAt(other, row.tenant_id))',
          '.filter((row) => isAt(other, row.tenant_id) || true)',
        ),
      ],
      tests: [MEMBERSHIPS],
    },
    {
      name: 'membership-left-behind',
      breaks: 'a membership that a move has left behind in the cell of the request counts',
      edits: [
        edit(
          'src/platform/tenant/memberships-elsewhere.ts',
          '...here.filter((row) => isAt(own, row.tenant_id)),',
          '...here.filter((row) => isAt(own, row.tenant_id) || true),',
        ),
      ],
      tests: [MEMBERSHIPS],
    },
    {
      name: 'tenant-bound-in-another-cell',
      breaks: 'the question for memberships reads the copy of its tenant in another cell, or waits for it',
      edits: [
        edit(
          'src/platform/tenant/memberships-elsewhere.ts',
          "tenantId: derivedId('no tenant', viewer.tenantId),",
          "tenantId: derivedId === undefined ? '' : viewer.tenantId,",
        ),
      ],
      tests: [MEMBERSHIPS],
    },
    {
      name: 'part-of-the-memberships-for-all',
      breaks: 'a user is not told that a cell is missing in the memberships',
      edits: [
        edit(
          'src/platform/tenant/memberships-elsewhere.ts',
          "isAll: isAll && answers.every(({ status }) => status === 'fulfilled'),",
          'isAll: isAll && answers.every(({ status }) => status !== undefined),',
        ),
      ],
      tests: [MEMBERSHIPS],
    },
    {
      name: 'drained-cell-takes-tenants',
      breaks: 'a tenant is created in a cell that takes no new ones',
      edits: [edit('src/services/operator/cells.ts', 'if (cell.draining) throw', 'if (false) throw')],
      tests: [CELLS],
    },
    {
      name: 'no-first-cell',
      breaks: 'a migration that fails is tried in several cells at once, and not in one alone',
      edits: [edit('src/cli/migrate-cells.ts', '  await bring(first);\n', '  others.unshift(first);\n')],
      tests: ['test/kernel/migrate-cells.unit.test.ts'],
    },
    {
      name: 'cells-after-a-failure',
      breaks: 'further cells are migrated after one has failed',
      edits: [edit('src/cli/migrate-cells.ts', 'while (failed.length === 0)', 'while (failed.length >= 0)')],
      tests: ['test/kernel/migrate-cells.unit.test.ts'],
    },
    {
      name: 'note-behind-an-erasure',
      breaks: 'a sealer notes a tenant while it is erased, which then cannot be deleted',
      sql: inFunction(
        'audit_work',
        'AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = t.id',
        'AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE false',
      ),
      tests: ['test/services/tenant-erasure.slow.test.ts'],
    },
  ],
};
