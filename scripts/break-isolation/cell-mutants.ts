/** Mutants of cells: a tenant is served, or written, where it is not. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const CELLS = 'test/example/cells.test.ts';
const MOVES = 'test/example/tenant-move.slow.test.ts';

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
      breaks: 'a tenant is written while it is copied',
      sql: inFunction('refuse_fenced', "state <> 'leaving' OR read_only IS NOT TRUE", "state <> 'leaving'"),
      tests: [MOVES],
    },
    {
      name: 'left-tenant-is-served',
      breaks: 'the copy that a move has left behind is read and written',
      sql: inFunction(
        'refuse_fenced',
        "IF state <> 'leaving' OR read_only IS NOT TRUE THEN",
        "IF state = 'leaving' AND read_only IS NOT TRUE THEN",
      ),
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
      name: 'move-does-not-compare',
      breaks: 'a copy that is not equal is served',
      edits: [
        edit(
          'src/services/lifecycle/copy-tenant.ts',
          'if (different.length === 0) return;',
          'if (different.length >= 0) return;',
        ),
      ],
      tests: [MOVES],
    },
    {
      name: 'arriving-copy-is-served',
      breaks: 'the copy accepts writes before the source has stopped',
      edits: [
        edit(
          'src/services/lifecycle/copy-tenant.ts',
          'await beforeCommit(query, id);',
          'void beforeCommit, id;',
        ),
      ],
      tests: [MOVES],
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
