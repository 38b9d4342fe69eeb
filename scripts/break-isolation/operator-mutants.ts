/** Mutants of suspension, of the operators' door, of impersonations and of settings. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const SUSPENSION = 'test/kernel/suspension.test.ts';
const DOOR = 'test/services/operator-door.slow.test.ts';
const ATTACKS = 'test/services/operator-attacks.test.ts';
const IMPERSONATION = 'test/services/impersonation.slow.test.ts';
const HTTP = 'src/http/operator-door.ts';

export const suspension: MutantGroup = {
  title: 'Suspension',
  mutants: [
    {
      name: 'suspension-spares-requests',
      breaks: 'a request goes on when its tenant is suspended',
      edits: [
        edit(
          'src/http/requests-under-way.ts',
          'if (refusal && ENDINGS.has(refusal.code)) deadline.end(refusal);',
          'if (refusal && ENDINGS.has(refusal.code) && deadline.isOver) deadline.end(refusal);',
        ),
      ],
      tests: [SUSPENSION],
    },
    {
      name: 'suspension-spares-jobs',
      breaks: 'a job goes on when its tenant is suspended',
      sql: inFunction('extend_leases', "t.status <> 'active' AND", 'false AND'),
      tests: [SUSPENSION],
    },
    {
      name: 'suspension-untold-to-workers',
      breaks: 'a worker learns of a suspension only with the next lease of its jobs',
      edits: [
        edit(
          'src/services/jobs/worker.ts',
          '    void this.#prolong(change?.tenantId);\n',
          '    if (this.#changes < 0) void this.#prolong(change?.tenantId);\n',
        ),
      ],
      tests: [SUSPENSION],
    },
    {
      name: 'suspended-log-exported',
      breaks: 'a link to an export opens the audit log of a suspended tenant',
      edits: [
        edit(
          'src/http/audit-exports.ts',
          "if (found.status !== 'active') throw",
          "if (found.status === 'gone') throw",
        ),
      ],
      tests: [SUSPENSION],
    },
  ],
};

export const operators: MutantGroup = {
  title: 'Operators',
  mutants: [
    {
      name: 'door-for-tenants-tokens',
      breaks: 'the operators’ door takes tokens for the tenants’ audience',
      edits: [
        edit(
          'src/create-operators.ts',
          '      issuer,\n      audience,\n',
          "      issuer,\n      audience: audience === '' ? audience : 'tenantry',\n",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'door-shares-its-audience',
      breaks: 'a configuration gives both doors the same audience',
      edits: [
        edit(
          'src/kernel/config/operator-door.ts',
          'if (operatorDoor?.audience === jwtAudience) {',
          "if (operatorDoor?.audience === '' && jwtAudience === '') {",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'door-for-other-origins',
      breaks: 'a page of another origin may call the operators’ door',
      edits: [
        edit(
          HTTP,
          'if (!isWelcomeOrigin(request.headers, [])) {',
          "if (request.headers.origin === '' && !isWelcomeOrigin(request.headers, [])) {",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'door-with-tenants-origins',
      breaks: 'browsers let the tenants’ front ends call the operators’ door',
      edits: [edit('src/http/cors.ts', '!isOfOperators(url) && ', "(url === '' || !isOfOperators('')) && ")],
      tests: [ATTACKS],
    },
    {
      name: 'door-without-limit',
      breaks: 'an operator has no limit of requests',
      edits: [
        edit(HTTP, '    if (refusal) throw refusal;\n', "    if (refusal?.message === '') throw refusal;\n"),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'scopes-ignored',
      breaks: 'every operator may do everything',
      edits: [
        edit(
          HTTP,
          '(permission) => scopes.has(permission)',
          '(permission) => scopes.has(permission) || true',
        ),
      ],
      tests: [DOOR],
    },
    {
      name: 'door-as-the-server',
      breaks: 'the operators’ door connects as another role than theirs',
      edits: [
        edit(
          'src/services/operator/operator-pool.ts',
          'if (role?.name !== OPERATOR_ROLE) {',
          "if (role?.name === '' && role.name !== OPERATOR_ROLE) {",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'operator-reads-unrecorded',
      breaks: 'the tenant does not learn that an operator has read it',
      edits: [
        edit(
          'src/services/operator/tenants.ts',
          "return connection.acting(tenant.id, { action: 'tenant_read', reason }, async () => tenant);",
          "return reason === '' ? connection.acting(tenant.id, { action: 'tenant_read', reason }, async () => tenant) : tenant;",
        ),
      ],
      tests: [DOOR],
    },
    {
      name: 'operator-reasons-unrecorded',
      breaks: 'the tenant does not learn why an operator has changed it',
      edits: [
        edit(
          'src/services/operator/operator-connection.ts',
          'JSON.stringify({ reason }),',
          "JSON.stringify(reason === '' ? { reason } : {}),",
        ),
      ],
      tests: [DOOR],
    },
  ],
};

export const impersonations: MutantGroup = {
  title: 'Impersonations',
  mutants: [
    {
      name: 'impersonation-outlives-its-end',
      breaks: 'an impersonation that somebody has ended goes on',
      sql: inFunction('resolve_impersonation', 'AND i.ended_at IS NULL', ''),
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonation-outlives-its-time',
      breaks: 'an impersonation goes on after its time',
      edits: [
        edit(
          'src/kernel/auth/resolve-impersonation.ts',
          'return access && access.expiresAt.getTime() > Date.now() ? access : undefined;',
          'return access;',
        ),
      ],
      sql: inFunction('resolve_impersonation', 'AND i.expires_at > clock_timestamp()', ''),
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonation-end-unannounced',
      breaks: 'servers go on with an impersonation that another server has ended',
      sql: 'DROP TRIGGER announce_impersonation ON public.impersonations',
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonation-without-its-member',
      breaks: 'an operator goes on as a member who has left',
      sql: inFunction('resolve_impersonation', 'AND (i.user_id IS NULL OR m.role IS NOT NULL)', ''),
      edits: [
        edit(
          'src/kernel/auth/resolve-impersonation.ts',
          'if (!row || !isRole(row.role)) return undefined;',
          'if (!row) return undefined;',
        ),
        edit(
          'src/kernel/auth/resolve-impersonation.ts',
          'role: row.role,',
          "role: isRole(row.role) ? row.role : 'viewer',",
        ),
      ],
      tests: [IMPERSONATION],
    },
    {
      name: 'operator-recorded-as-member',
      breaks: 'the audit log records a member for what an operator does',
      edits: [
        edit(
          'src/kernel/auth/authenticate.ts',
          "actor: { type: 'operator', id: access.operator },",
          "actor: { type: 'user', id: actingAs(access) },",
        ),
      ],
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonations-granted',
      breaks: 'the server’s role may begin and prolong impersonations',
      sql: 'GRANT INSERT, UPDATE, DELETE ON public.impersonations TO tenantry_app',
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonator-adds-webhooks',
      breaks: 'an operator leaves a webhook that acts for a member after the end',
      edits: [edit('src/platform/webhook/index.ts', "    'Mutation.createWebhook': notImpersonated,\n", '')],
      tests: [IMPERSONATION],
    },
    {
      name: 'impersonator-gives-access',
      breaks: 'an operator leaves keys and members that stay after the end',
      edits: [
        edit(
          'src/kernel/graphql/users-only.ts',
          "viewer.actor.type === 'user' || usersOnlyError()",
          "viewer.actor.type !== 'api_key' || usersOnlyError()",
        ),
      ],
      tests: [IMPERSONATION],
    },
  ],
};

export const settings: MutantGroup = {
  title: 'Settings',
  mutants: [
    {
      name: 'settings-unchecked',
      breaks: 'a tenant stores settings that their schemas refuse',
      edits: [
        edit(
          'src/services/settings/settings.ts',
          'value === null ? undefined : this.#schemas.get(name)?.safeParse(value)',
          'value !== undefined ? undefined : this.#schemas.get(name)?.safeParse(value)',
        ),
      ],
      tests: ['test/platform/settings.test.ts'],
    },
    {
      name: 'settings-believed',
      breaks: 'code gets a stored setting that its schema does not allow any more',
      edits: [
        edit(
          'src/services/settings/settings.ts',
          'return [name, parsed.success ? parsed.data : defaultValue];',
          'return [name, parsed.success ? parsed.data : (own(values, name) ?? defaultValue)];',
        ),
      ],
      tests: ['test/platform/settings.test.ts'],
    },
  ],
};
