/** Mutants of the steps of a request: authentication, permissions, and caches between requests. */
import { edit, type MutantGroup } from './mutant.js';

const AUTHENTICATE = 'src/kernel/auth/authenticate.ts';
const VERIFY = 'src/kernel/auth/verify-token.ts';
const CALLER = 'test/kernel/caller-tenant.test.ts';
const KEYS = 'src/kernel/auth/provider-keys.ts';
const SIGNING_KEYS = 'test/kernel/signing-keys.slow.test.ts';

export const callers: MutantGroup = {
  title: 'Who calls',
  mutants: [
    {
      name: 'role-from-token',
      breaks: 'the role is the one that the token claims, not the one of the membership',
      edits: [
        edit(
          VERIFY,
          'sub: z.string().min(1).max(255),',
          'sub: z.string().min(1).max(255),\n  role: z.string().optional().catch(undefined),',
        ),
        edit(VERIFY, 'userId: sub,', 'userId: sub,\n      ...{ role: parsed.data.role },'),
        edit(
          AUTHENTICATE,
          'role: access.role,\n    permissions: parts.roles.of(access.role),\n    signedInAt',
          'role: (identity as { role?: typeof access.role }).role ?? access.role,\n    permissions: parts.roles.of((identity as { role?: typeof access.role }).role ?? access.role),\n    signedInAt',
        ),
      ],
      tests: [CALLER],
    },
    {
      name: 'no-membership-needed',
      breaks: 'whoever comes by a tenant’s subdomain needs no membership',
      edits: [edit(AUTHENTICATE, 'if (!access.role) {', 'if (!access.role && subdomain === undefined) {')],
      tests: [CALLER],
    },
    {
      name: 'token-for-another-host',
      breaks: 'a token for one tenant is taken at the subdomain of another',
      edits: [
        edit(
          AUTHENTICATE,
          'if (claimed !== access.tenantId &&',
          "if (claimed === '' && claimed !== access.tenantId &&",
        ),
      ],
      tests: [CALLER],
    },
    {
      name: 'key-for-another-host',
      breaks: 'an API key of one tenant is taken at the subdomain of another',
      edits: [
        edit(
          AUTHENTICATE,
          "if (subdomain !== undefined && subdomain !== access.slug) {\n    throw new TenantMismatchError('The API key",
          "if (subdomain === '' && subdomain !== access.slug) {\n    throw new TenantMismatchError('The API key",
        ),
      ],
      tests: ['test/platform/api-keys.test.ts'],
    },
    {
      name: 'key-with-all-permissions',
      breaks: 'an API key may do whatever its creator may',
      edits: [
        edit(
          AUTHENTICATE,
          '.filter((permission) => permissions.includes(permission))',
          '.filter(() => permissions)',
        ),
      ],
      tests: ['test/platform/api-keys.test.ts'],
    },
    {
      name: 'suspended-tenant-served',
      breaks: 'a suspended tenant is served',
      edits: [edit(AUTHENTICATE, "if (status !== 'active') throw", "if (status === '') throw")],
      tests: [CALLER],
    },
    {
      name: 'suspension-told-to-strangers',
      breaks: 'a stranger learns that a tenant is suspended',
      edits: [
        edit(AUTHENTICATE, '  if (!access.role) {', '  refuseSuspended(access);\n  if (!access.role) {'),
      ],
      tests: [CALLER],
    },
  ],
};

const REMEMBERING = 'src/http/remembering.ts';
const REMEMBERING_TEST = 'test/kernel/remembering.unit.test.ts';
const HANDLER = 'src/http/graphql-handler.ts';
const HANDLER_TEST = 'test/kernel/graphql-handler-failures.test.ts';

export const remembered: MutantGroup = {
  title: 'What is remembered',
  mutants: [
    {
      name: 'access-kept-without-tenant',
      breaks: 'what a user may do is remembered without the tenant it was asked for',
      edits: [
        edit(
          'src/kernel/auth/resolve-access.ts',
          'JSON.stringify([tenantRef, userId])',
          'JSON.stringify([userId])',
        ),
      ],
      tests: ['test/kernel/access-resolver.unit.test.ts'],
    },
    {
      name: 'access-kept-too-long',
      breaks: 'what is remembered of a member outlives the news of a change',
      edits: [edit('src/kernel/auth/access-cache.ts', 'else this.#forget(change);', '')],
      tests: ['test/kernel/access-cache.slow.test.ts'],
    },
    {
      name: 'token-kept-without-signature',
      breaks:
        'a verified token is remembered by its claims: the same claims with another signature are believed',
      edits: [
        edit(VERIFY, "hash('sha256', token,", "hash('sha256', token.split('.').slice(0, 2).join('.'),"),
      ],
      tests: ['test/kernel/remembered-tokens.test.ts'],
    },
    {
      name: 'token-kept-beyond-expiry',
      breaks: 'a remembered token is believed after its expiry',
      edits: [
        edit(
          VERIFY,
          'Math.min(Date.now() + REMEMBERED_FOR_MS, identity.expiresAt)',
          'Date.now() + REMEMBERED_FOR_MS',
        ),
      ],
      tests: ['test/kernel/remembered-tokens.test.ts'],
    },
    {
      name: 'withdrawn-key-kept',
      breaks:
        'the keys of the identity provider are never fetched again: a withdrawn key is accepted for good',
      edits: [
        edit(KEYS, 'return this.#age() > this.#cacheMs && (', 'return this.#age() < 0 && ('),
        edit(KEYS, 'if (this.#age() > this.#cacheMs / 2 &&', 'if (this.#age() < 0 &&'),
      ],
      tests: [SIGNING_KEYS],
    },
    {
      name: 'token-outlives-its-key',
      breaks: 'a remembered token is believed after its key was withdrawn',
      edits: [edit(VERIFY, '(providerKeys?.holds(known.generation) ?? true)', 'known.generation >= 0')],
      tests: [SIGNING_KEYS],
    },
    {
      name: 'replaced-key-kept',
      breaks: 'a key that was replaced under its name is believed, and its successor is not',
      edits: [edit(VERIFY, 'if (other === undefined) throw error;', 'if (other !== key) throw error;')],
      tests: [SIGNING_KEYS],
    },
    {
      name: 'provider-asked-at-will',
      breaks: 'strangers make the server ask the identity provider once a second',
      edits: [edit(KEYS, 'if (this.#forced === 0) return false;', '')],
      tests: [SIGNING_KEYS],
    },
    {
      name: 'loaders-shared',
      breaks: 'loaders outlive their request, with the client of the tenant that came first',
      edits: [
        edit('src/kernel/graphql/create-context.ts', 'loaders: new Loaders(),', 'loaders: shared,'),
        edit(
          'src/kernel/graphql/create-context.ts',
          'export interface ContextParts {',
          'const shared = new Loaders();\n\nexport interface ContextParts {',
        ),
      ],
      tests: [CALLER],
    },
    {
      name: 'answer-of-a-compiled-query-kept',
      breaks: 'a compiled query answers everybody with the answer it gave first',
      edits: [
        edit(
          'src/kernel/graphql/execution.ts',
          'const result = await query?.(undefined, context, variables);',
          'const kept = document as { answer?: ExecutionResult };\n    const result = query && (kept.answer ??= await query(undefined, context, variables));',
        ),
      ],
      tests: ['test/platform/permissions.test.ts'],
    },
    {
      name: 'one-schema-for-all-roles',
      breaks: 'the schema that is shown is the one of whoever asked first',
      edits: [edit('src/kernel/access/role-schema.ts', "[...permissions].sort().join(' ')", "''")],
      tests: ['test/kernel/role-schema.unit.test.ts', 'test/platform/role-schema.slow.test.ts'],
    },
    {
      name: 'idempotency-key-without-actor',
      breaks: 'an Idempotency-Key of one actor stands for the answer given to another',
      sql: 'DROP POLICY actor_isolation ON idempotency_keys',
      edits: [
        edit(
          'src/services/idempotency/key-store.ts',
          'const { tenantId, actor } = tx.context;',
          "const { tenantId } = tx.context;\n  const actor = { type: 'user', id: 'anybody' };",
        ),
        edit(
          'src/services/idempotency/key-store.ts',
          '({ context: { tenantId, actor } }: TenantTx, key',
          '({ context: { tenantId } }: TenantTx, key',
        ),
        edit(
          'src/services/idempotency/key-store.ts',
          'AND actor_type = ${actor.type} AND actor = ${actor.id} AND',
          "AND actor = 'anybody' AND",
        ),
      ],
      tests: ['test/kernel/idempotency.test.ts'],
    },
    {
      name: 'kept-answer-not-judged-again',
      breaks: 'a kept answer is given to a caller who has lost the permission for it',
      edits: [
        edit(
          'src/services/idempotency/kept-result.ts',
          'granted.includes(permission) && !permissions.has(permission)',
          'granted.includes(permission) && !granted.includes(permission)',
        ),
      ],
      tests: ['test/kernel/idempotency-answers.test.ts'],
    },
    {
      name: 'every-header-remembered',
      breaks: 'a client that sends another header each time fills the memory of the server',
      edits: [edit(REMEMBERING, 'if (known.size >= MOST) known.clear();', '')],
      tests: [REMEMBERING_TEST],
    },
    {
      name: 'long-header-remembered',
      breaks: 'what is remembered of headers is as long as clients want',
      edits: [edit(REMEMBERING, 'if (text.length > LONGEST_REMEMBERED) return value;', '')],
      tests: [REMEMBERING_TEST],
    },
    {
      name: 'every-accept-remembered',
      breaks: 'the media types of answers are remembered for any number of headers `Accept`',
      edits: [edit(HANDLER, '{ max: MOST_REMEMBERED }', '{ max: 1_000 * MOST_REMEMBERED }')],
      tests: [HANDLER_TEST],
    },
    {
      name: 'long-accept-remembered',
      breaks: 'a header `Accept` of any length is remembered with its media type',
      edits: [edit(HANDLER, 'isKnown && accept.length <= LONGEST_REMEMBERED', 'isKnown')],
      tests: [HANDLER_TEST],
    },
  ],
};

export const guards: MutantGroup = {
  title: 'Guards',
  mutants: [
    {
      name: 'unguarded-schema-served',
      breaks: 'a schema that leaves fields unguarded is served',
      edits: [
        edit('src/kernel/access/guards.ts', 'if (problems.length > 0) {', 'if (problems.length < 0) {'),
      ],
      tests: ['test/kernel/guards.unit.test.ts'],
    },
    {
      name: 'fallback-allows',
      breaks: 'a field without a rule is allowed',
      edits: [edit('src/kernel/graphql/shield.ts', 'fallbackRule: deny,', 'fallbackRule: allow,')],
      tests: ['test/kernel/guards.unit.test.ts'],
    },
    {
      name: 'permissions-not-asked',
      breaks: 'a field is given to whoever lacks its permission',
      edits: [
        edit(
          'src/kernel/graphql/shield.ts',
          'viewer.permissions.has(permission) || refusal',
          'viewer.permissions.has(permission) || refusal !== undefined',
        ),
      ],
      tests: ['test/kernel/guards.unit.test.ts'],
    },
    {
      name: 'nested-guard-ignored',
      breaks: 'the guard of a field is ignored where its type has one',
      edits: [
        edit(
          'src/kernel/access/guards.ts',
          'GUARDS.every((guard) => usesOf(field, guard).length === 0) &&',
          'field.name &&',
        ),
      ],
      tests: ['test/kernel/guard-rules.unit.test.ts'],
    },
    {
      name: 'conflict-shows-unreadable-fields',
      breaks: 'a conflict shows fields of the row to a caller who may not read them',
      edits: [
        edit(
          'src/kernel/graphql/expected-version.ts',
          'if (!readable.has(`${type.name}.${field.name}`) || isSecretField(field)) continue;',
          'if (!readable || isSecretField(field)) continue;',
        ),
      ],
      tests: ['test/kernel/shown-state.test.ts'],
    },
    {
      name: 'conflict-ignores-the-payload',
      breaks: 'a conflict shows a row that the payload would not give to the caller',
      edits: [
        edit(
          'src/kernel/graphql/expected-version.ts',
          'if (!mayBeAnswered(type, context, info)) return undefined;',
          'mayBeAnswered(type, context, info);',
        ),
      ],
      tests: ['test/kernel/shown-state.test.ts'],
    },
    {
      name: 'kept-details-told-again',
      breaks: 'what an error of a kept answer shows is told again to a caller who has lost a permission',
      edits: [
        edit(
          'src/services/idempotency/kept-result.ts',
          '(hasLost ? withoutDetails(error) : error)',
          '(hasLost ? error : error)',
        ),
      ],
      tests: ['test/kernel/shown-state.test.ts'],
    },
    {
      name: 'interface-guard-ignored',
      breaks: 'a type need not keep the guard of its interface’s field',
      edits: [
        edit(
          'src/kernel/access/guards.ts',
          'if (demanded && guards.get(own) !== demanded &&',
          'if (demanded === null && guards.get(own) !== demanded &&',
        ),
      ],
      tests: ['test/kernel/interface-guards.unit.test.ts'],
    },
    {
      name: 'interface-argument-guard-ignored',
      breaks: 'a type need not keep the guard of an argument of its interface’s field',
      edits: [
        edit(
          'src/kernel/access/input-guards.ts',
          'if (demanded && guards.get(own) !== demanded) {',
          'if (demanded === null && guards.get(own) !== demanded) {',
        ),
      ],
      tests: ['test/kernel/interface-guards.unit.test.ts'],
    },
    {
      name: 'interface-secret-ignored',
      breaks: 'a type need not keep the @secret of its interface’s field',
      edits: [
        edit(
          'src/kernel/access/guards.ts',
          'if (isSecretField(field) && !isSecretField(',
          'if (!isSecretField(field) && isSecretField(',
        ),
      ],
      tests: ['test/kernel/interface-guards.unit.test.ts'],
    },
    {
      name: 'guard-replaced-by-another-module',
      breaks: 'a module may define a field anew, with another guard',
      edits: [
        edit(
          'src/kernel/graphql/definitions.ts',
          'if (twice.size === 0) return;',
          'if (twice.size >= 0) return;',
        ),
      ],
      tests: ['test/kernel/interface-guards.unit.test.ts'],
    },
    {
      name: 'unknown-columns-shown',
      breaks: 'the audit log shows columns of which no field is known',
      edits: [
        edit(
          'src/kernel/access/recorded-columns.ts',
          'if (!shown || !isVisible(shown)) return [];',
          'if (!shown) return [[column, value]]; if (!isVisible(shown)) return [];',
        ),
      ],
      tests: ['test/kernel/recorded-columns.unit.test.ts'],
    },
    {
      name: 'recorded-guard-ignored',
      breaks: 'the audit log shows columns whose fields the caller may not read',
      edits: [
        edit(
          'src/kernel/access/recorded-columns.ts',
          "'field' in guard ? readable.has(guard.field) :",
          "'field' in guard ? readable.size >= 0 :",
        ),
      ],
      tests: ['test/kernel/recorded-columns.unit.test.ts'],
    },
    {
      name: 'input-guards-ignored',
      breaks: 'guards of arguments are ignored',
      edits: [
        edit(
          'src/kernel/graphql/shield.ts',
          'if (!takesGuardedInput(coordinate, declared, guards)) continue;',
          'if (takesGuardedInput(coordinate, declared, guards)) continue;',
        ),
      ],
      tests: ['test/kernel/input-guards.unit.test.ts'],
    },
    {
      name: 'filter-and-order-guards-ignored',
      breaks: 'guards of what is inside an argument (filters, orders) are ignored',
      edits: [edit('src/kernel/access/input-guards.ts', 'yield* demandsOf(given[name], type, guards);', '')],
      tests: ['test/kernel/input-guards.unit.test.ts'],
    },
    {
      name: 'events-unguarded',
      breaks: 'whoever lacks the permission of a subscription gets its events',
      edits: [
        edit(
          'src/kernel/graphql/shield.ts',
          'if (field.subscribe) field.subscribe = behind(field.subscribe);',
          '',
        ),
      ],
      tests: ['test/kernel/guards.unit.test.ts'],
    },
    {
      name: 'cursor-of-another-order',
      breaks: 'a list takes the cursor of another list',
      edits: [edit('src/kernel/graphql/connection.ts', 'field !== key.field || value', 'value')],
      tests: ['test/platform/connections.test.ts'],
    },
    {
      name: 'errors-unmasked',
      breaks: 'the words of the database reach the client',
      edits: [
        edit(
          'src/kernel/vocabulary/errors.ts',
          "'23505': () => conflict('An object with this key exists already.'),",
          "'23505': (error) => conflict(databaseMessage(error)),",
        ),
      ],
      tests: ['test/kernel/errors.test.ts', 'test/platform/constraints.test.ts'],
    },
  ],
};

const EVENTS = 'test/kernel/subscriptions.test.ts';
const ENDS = 'test/kernel/subscription-ends.slow.test.ts';
const SHARED = 'test/kernel/shared-answers.test.ts';
const STREAMS = 'test/kernel/event-streams.slow.test.ts';
const DEPENDENCE = 'test/kernel/dependence.unit.test.ts';

export const subscriptions: MutantGroup = {
  title: 'Subscriptions',
  mutants: [
    {
      name: 'events-of-all-tenants',
      breaks: 'a change is announced to the subscribers of every tenant',
      edits: [
        edit(
          'src/kernel/notifications/change-events.ts',
          'const watchers = [...tenant.watchers].filter(',
          'const watchers = [...this.tenants.values()].flatMap((each) => [...each.watchers]).filter(',
        ),
      ],
      tests: [EVENTS, 'test/kernel/change-events.test.ts'],
    },
    {
      name: 'announcement-believed',
      breaks: 'the announced end of a row is believed without asking the audit log',
      edits: [
        edit(
          'src/services/subscriptions/changes-of.ts',
          "change.kind === 'DELETED' && !(await wasDeleted(change, context))",
          "change.kind === 'DELETED' && !context",
        ),
      ],
      tests: [EVENTS],
    },
    {
      name: 'events-for-who-one-was',
      breaks: 'an event is told with the permissions of the moment of connecting',
      edits: [
        edit(
          'src/services/subscriptions/connection.ts',
          'async () => work(await this.lookUp()));',
          'async () => work(this.viewer ?? (await this.lookUp())));',
        ),
        edit('src/services/subscriptions/connection.ts', '    this.viewer = viewer;\n    for', '    for'),
      ],
      tests: [EVENTS],
    },
    {
      name: 'requests-for-who-one-was',
      breaks: 'a query over WebSocket is answered with the access of the moment of connecting',
      edits: [
        edit(
          'src/services/subscriptions/request.ts',
          'await this.#requester.lookUp()',
          '(this.#requester as unknown as { readonly viewer: Viewer }).viewer',
        ),
      ],
      tests: ['test/kernel/websocket-requests.slow.test.ts'],
    },
    {
      name: 'connection-outlives-membership',
      breaks: 'a connection stays open when its user is removed or the tenant suspended',
      edits: [
        edit(
          'src/services/subscriptions/connections.ts',
          'invalidations.onChange((change) => this.#hear(change));',
          'invalidations.onChange((change) => change ?? this.#hear(change));',
        ),
      ],
      tests: [ENDS],
    },
    {
      name: 'connection-changes-tenant',
      breaks: 'a connection follows a name that has passed to another tenant',
      edits: [
        edit(
          'src/services/subscriptions/connection.ts',
          'tenantId !== this.viewer.tenantId',
          'tenantId === undefined',
        ),
      ],
      tests: [ENDS],
    },
    {
      name: 'revoked-key-keeps-its-socket',
      breaks: 'a connection stays open when its API key is revoked',
      edits: [
        edit(
          'src/services/subscriptions/connections.ts',
          'connection.viewer?.memberId',
          'connection.viewer?.userId',
        ),
      ],
      tests: ['test/kernel/live-access.slow.test.ts'],
    },
    {
      name: 'stream-outlives-access',
      breaks: 'an event stream goes on when its user has lost access',
      edits: [
        edit('src/http/event-streams.ts', 'cutOff = () => reply.raw.destroy();', 'cutOff = () => undefined;'),
        edit(
          'src/services/subscriptions/connection.ts',
          'for (const subscription of this.#live.keys()) void subscription.return();',
          "if (this.kind === 'websocket') for (const subscription of this.#live.keys()) void subscription.return();",
        ),
      ],
      tests: [STREAMS],
    },
    {
      name: 'stream-from-any-origin',
      breaks: 'a page of any origin may open an event stream',
      edits: [
        edit(
          'src/http/event-streams.ts',
          'if (!isWelcomeOrigin(headers, corsOrigins)) {',
          'if (!isWelcomeOrigin({}, corsOrigins)) {',
        ),
      ],
      tests: [STREAMS],
    },
    {
      name: 'stream-complete-when-cut-off',
      breaks: 'a client whose stream the server ended believes that there is nothing more to come',
      edits: [edit('src/http/stream-frames.ts', 'if (!isCutOff()) yield COMPLETE;', 'yield COMPLETE;')],
      tests: ['test/kernel/stream-frames.unit.test.ts'],
    },
    {
      name: 'demo-tokens-for-everybody',
      breaks: 'a development server gives tokens of the demo to other machines and to pages of other names',
      edits: [
        edit(
          'src/http/graphiql.ts',
          'demoUsers && isOfThisMachine(request) ? await demoUsers() : []',
          'demoUsers && (isOfThisMachine(request) || true) ? await demoUsers() : []',
        ),
      ],
      tests: ['test/platform/graphiql-demo.slow.test.ts'],
    },
    {
      name: 'late-heartbeats-trusted',
      breaks: 'caches of access are trusted while notifications arrive late',
      edits: [
        edit(
          'src/kernel/notifications/notifications.ts',
          '    if (pulse !== this.sent) return;\n    const wasLive',
          '    const wasLive',
        ),
      ],
      tests: ['test/kernel/late-notifications.slow.test.ts'],
    },
    {
      name: 'invalidations-missed-for-good',
      breaks: 'a connection stays open when the news of its end were lost with a listening connection',
      edits: [
        edit(
          'src/kernel/notifications/access-invalidations.ts',
          'notifications.onTrust(() => tell(undefined));',
          '',
        ),
      ],
      tests: ['test/kernel/live-access.slow.test.ts'],
    },
    {
      name: 'shared-answer-crosses-rights',
      breaks: 'an event answered for one subscriber is told to others who lack a permission',
      edits: [
        edit(
          'src/services/subscriptions/dependence.ts',
          '!== held) return false;',
          '=== null) return false;',
        ),
      ],
      tests: [SHARED, DEPENDENCE],
    },
    {
      name: 'personal-answer-shared',
      breaks: 'an event answered by looking at the viewer is told to others',
      edits: [
        edit(
          'src/services/subscriptions/dependence.ts',
          'this.#isPersonal = true;',
          'this.#isPersonal = false;',
        ),
      ],
      tests: [SHARED, DEPENDENCE],
    },
    {
      name: 'shared-over-actor-policies',
      breaks: 'a row that the policies show to one actor only is told to the others of the tenant',
      edits: [edit('src/kernel/tenancy/tenant-only-reads.ts', "polcmd IN ('r', '*')", "polcmd IN ('d')")],
      tests: [SHARED],
    },
    {
      name: 'answer-read-ahead-for-who-one-was',
      breaks: 'an event that was read ahead is told although its subscriber has another role by now',
      edits: [
        edit(
          'src/services/subscriptions/answers.ts',
          'isSame(answer.viewer, viewer) ? ',
          'isSame(answer.viewer, answer.viewer) ? ',
        ),
      ],
      tests: [DEPENDENCE],
    },
  ],
};
