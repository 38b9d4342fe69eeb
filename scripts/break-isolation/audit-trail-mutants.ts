/** Mutants of the sealed audit trail: what seals, what verifies, and what deletes values. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const MANIPULATIONS = 'test/services/sealed-trail-manipulations.slow.test.ts';
const SEALER = 'test/services/sealer.slow.test.ts';
const TRAIL = 'test/platform/audit-trail.slow.test.ts';
const RETENTION = 'test/services/audit-retention.slow.test.ts';
const EVENTS = 'test/platform/events.test.ts';
const EXPORT = 'test/platform/audit-export.test.ts';
const COMMAND = 'test/services/audit-log-command.slow.test.ts';
const ACCESS = 'test/platform/access-records.test.ts';
const RECORDER = 'test/services/access-records.unit.test.ts';
const ISOLATION = 'test/services/sealer-isolation.slow.test.ts';
const VERIFIER = 'packages/audit-verifier/test/trail.unit.test.ts';

export const auditTrail: MutantGroup = {
  title: 'The sealed audit trail',
  mutants: [
    {
      name: 'mismatch-of-strangers-recorded',
      breaks: 'a user who only names a tenant writes into its audit log',
      edits: [
        edit(
          'src/services/access-records/access-records.ts',
          "if (!access?.role || access.status !== 'active') return;",
          'if (!access) return;',
        ),
      ],
      tests: [ACCESS],
    },
    {
      name: 'mismatch-recorded-elsewhere',
      breaks: 'a credential at another tenant’s host writes into the log of that tenant',
      edits: [
        edit(
          'src/services/access-records/access-records.ts',
          'this.#parts.access.resolve(tenantRef, userId)',
          'this.#parts.access.resolve(String(record.details["host"]), userId).then((found) => found && { ...found, role: "viewer" as const })',
        ),
      ],
      tests: [ACCESS],
    },
    {
      name: 'access-records-flood',
      breaks: 'refused attempts are recorded without a limit',
      edits: [
        edit('src/services/access-records/access-records.ts', 'written.count >= MOST_PER_MINUTE', 'false'),
      ],
      tests: [RECORDER],
    },
    {
      name: 'sealed-too-early',
      breaks: 'entries are sealed while an older transaction may still write some',
      edits: [
        edit(
          'src/services/audit-trail/new-entries.ts',
          'e.tx >= $2::xid8 AND e.tx < pg_snapshot_xmin(pg_current_snapshot())`',
          'e.tx >= $2::xid8`',
        ),
      ],
      sql: inFunction('audit_work', 'AND e.tx < pg_snapshot_xmin(now_here)', ''),
      tests: [SEALER],
    },
    {
      name: 'old-dates-sealed',
      breaks: 'an entry that claims to be older than it can be is sealed',
      edits: [
        edit(
          'src/services/audit-trail/seal-tenant.ts',
          'if (isLate) watch.onRefused(entry.id);\n      return !isLate;',
          'if (isLate) watch.onRefused(entry.id);\n      return true;',
        ),
      ],
      tests: [ISOLATION],
    },
    {
      name: 'one-tenant-stops-all',
      breaks: 'a trail that cannot be continued keeps those of all tenants from being sealed',
      edits: [
        edit(
          'src/services/audit-trail/sealer.ts',
          'this.#done = through;',
          'this.#done = failed.length > 0 ? null : through;',
        ),
      ],
      tests: [ISOLATION],
    },
    {
      name: 'behind-forgotten',
      breaks: 'a trail that could not be continued is never sealed again',
      sql: inFunction('audit_work', "coalesce(sealed_below, '0')", 'done'),
      tests: [ISOLATION],
    },
    {
      name: 'numbers-of-the-future-unnoticed',
      breaks: 'an entry of a transaction that has not begun is not found',
      sql: inFunction('inserted_audit_entry', 'OR e.tx >= pg_snapshot_xmax(pg_current_snapshot())', ''),
      tests: [ISOLATION],
    },
    {
      name: 'anybody-seals',
      breaks: 'a transaction of a request may add a block to the trail',
      sql: inFunction('require_system', "<> 'system'", "= 'nobody'"),
      tests: [SEALER],
    },
    {
      name: 'sealed-on-top',
      breaks: 'the sealer continues a trail whose last seal is not its own',
      edits: [
        edit('src/services/audit-trail/block.ts', 'if (!keys.trusted.hasSigned(last)) {', 'if (size < 0) {'),
      ],
      tests: [MANIPULATIONS],
    },
    {
      name: 'shorter-trail-continued',
      breaks: 'the sealer does not notice that a trail is shorter than it has made it',
      edits: [
        edit(
          'src/services/audit-trail/sealer.ts',
          'if (seen && (number < seen.number ||',
          'if (seen && (number < 0 ||',
        ),
      ],
      tests: [MANIPULATIONS],
    },
    {
      name: 'seals-unverified',
      breaks: 'the signatures of seals are not verified',
      edits: [
        edit(
          'packages/audit-verifier/src/trail.ts',
          'return !keys || unlessMalformed(() => keys.hasSigned(signed)) === true;',
          'return !keys || unlessMalformed(() => keys.hasSigned(signed)) !== null;',
        ),
      ],
      tests: [VERIFIER],
    },
    {
      name: 'roots-unverified',
      breaks: 'the root of the tree is not compared with the seal',
      edits: [
        edit(
          'packages/audit-verifier/src/trail.ts',
          "seal.size < this.#tree.size || this.#tree.root().toString('hex') !== seal.root",
          'seal.size < this.#tree.size',
        ),
      ],
      tests: [VERIFIER],
    },
    {
      name: 'inserted-unnoticed',
      breaks: 'an entry that was put behind the seals is not found',
      sql: inFunction(
        'inserted_audit_entry',
        '(e.tx IS NULL OR e.tx < coalesce(b.since, s.watermark) OR',
        '(false AND',
      ),
      tests: [MANIPULATIONS],
    },
    {
      name: 'deletions-unrecorded',
      breaks: 'values may be missing though no entry says that they were deleted',
      edits: [
        edit(
          'packages/audit-verifier/src/trail.ts',
          'if (unrecorded !== undefined) {',
          "if (unrecorded === '') {",
        ),
      ],
      tests: [VERIFIER],
    },
    {
      name: 'records-of-deletions-deleted',
      breaks: 'what says that values were deleted can be deleted, so the trail no longer verifies',
      sql: inFunction('redact_audit', `AND v.path = 'new."deleted"' THEN false`, 'THEN true'),
      tests: [TRAIL],
    },
    {
      name: 'nested-ids-stay',
      breaks: 'deleting a user leaves their id in nested values',
      sql: inFunction(
        'names_person',
        'strpos(value::text, to_json(person)::text) > 0',
        'value::text = to_json(person)::text',
      ),
      tests: [TRAIL],
    },
    {
      name: 'redaction-keeps-salts',
      breaks: 'the salt of a deleted value stays: the value can be guessed',
      sql: inFunction(
        'redact_audit',
        "THEN decode(repeat('00', 16), 'hex')",
        'THEN substr(l.salts, place * 16 + 1, 16)',
      ),
      tests: [TRAIL],
    },
    {
      name: 'redaction-of-any-tenant',
      breaks: 'values of another tenant’s entries can be deleted',
      sql: inFunction('redact_audit', 'WHERE e.tenant_id = tenant AND (', 'WHERE ('),
      tests: [TRAIL],
    },
    {
      name: 'proof-shows-hidden-values',
      breaks: 'a proof shows values that the caller may not read',
      edits: [
        edit(
          'src/platform/audit-trail/audit-trail.resolvers.ts',
          'return visible !== null && Object.keys(visible).length > 0;',
          'return visible !== null;',
        ),
      ],
      tests: [TRAIL],
    },
    {
      name: 'cut-by-anybody',
      breaks: 'a deletion counts as a cut though no trusted key has signed it',
      edits: [
        edit(
          'packages/audit-verifier/src/trail.ts',
          'if (cut.tenant !== this.#tenant || !this.#isSigned(cut)) {',
          'if (cut.tenant !== this.#tenant) {',
        ),
      ],
      tests: [RETENTION],
    },
    {
      name: 'server-drops-entries',
      breaks: 'somebody who is no operator can drop entries of the audit log',
      sql: inFunction('drop_audit', "<> 'operator'", "= 'nobody'"),
      tests: [RETENTION],
    },
    {
      name: 'drops-of-any-tenant',
      breaks: 'dropping the entries of one tenant drops those of others',
      sql: inFunction(
        'drop_audit',
        'WHERE e.tenant_id = tenant AND l.tenant_id = tenant AND l.entry_id = e.id',
        'WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id',
      ),
      tests: [RETENTION],
    },
    {
      name: 'entries-deleted-at-any-time',
      breaks: 'whoever may delete rows deletes entries that a cut once named',
      sql: inFunction('is_dropped', 'c.tx = pg_current_xact_id() AND', ''),
      tests: [RETENTION],
    },
    {
      name: 'unknown-plan-drops-entries',
      breaks: 'the smallest plan decides which entries of a tenant with an unknown plan are dropped',
      edits: [edit('src/cli/prune-audit-log.ts', 'if (!plans.has(plan)) {', 'if (plan === "") {')],
      tests: [COMMAND],
    },
    {
      name: 'export-links-unsigned',
      breaks: 'a link to an export is believed without its signature',
      edits: [
        edit(
          'packages/audit-verifier/src/seal.ts',
          'return key !== undefined && verify(null, bytes, key, signature);',
          'return key !== undefined && (bytes.length > 0 || verify(null, bytes, key, signature));',
        ),
      ],
      tests: [EXPORT],
    },
    {
      name: 'export-links-for-ever',
      breaks: 'a link to an export never expires',
      edits: [
        edit(
          'src/services/audit-trail/export-links.ts',
          'if (!read || read.expires <= now) return undefined;',
          'if (!read || read.expires <= 0) return undefined;',
        ),
      ],
      tests: [EXPORT],
    },
    {
      name: 'export-links-of-any-length',
      breaks: 'a link to an export may expire as late as whoever signed it wanted',
      edits: [
        edit(
          'src/services/audit-trail/export-links.ts',
          'read.expires <= now + LINK_MS + AHEAD_MS',
          'read.expires <= Infinity',
        ),
      ],
      tests: [EXPORT],
    },
    {
      name: 'node-reads-unrecorded',
      breaks: 'reading an entry of the audit log by its id is not recorded',
      edits: [
        edit(
          'src/platform/audit-log/audit-reads.ts',
          "await recordAuditRead(db, { ids: ids.map((id) => encodeId('AuditEntry', id)) });",
          "void encodeId('AuditEntry', ids[0]!), recordAuditRead;",
        ),
      ],
      tests: [EXPORT],
    },
    {
      name: 'export-without-permission',
      breaks: 'a link is enough to export the audit log: the member may have lost the permission',
      edits: [
        edit(
          'src/http/audit-exports.ts',
          "const isAllowed = found?.role !== undefined && roles.of(found.role).has('audit:export');",
          'const isAllowed = found?.role !== undefined && roles.permissions.length > 0;',
        ),
      ],
      tests: [EXPORT],
    },
    {
      name: 'events-by-time',
      breaks:
        'events are read in the order of their time, so that one of a late transaction comes before a cursor',
      edits: [
        edit(
          'src/platform/event/event-rows.ts',
          'ORDER BY l.position ${direction}',
          'ORDER BY e.created_at ${direction}',
        ),
      ],
      tests: [EVENTS],
    },
    {
      name: 'events-missed',
      breaks: 'a program is not told that events after its cursor are not kept any more',
      edits: [
        edit(
          'src/platform/event/event.resolvers.ts',
          'BigInt(page.after.value) + 1n < firstKept',
          'firstKept < 0n',
        ),
      ],
      tests: [EVENTS],
    },
  ],
};
