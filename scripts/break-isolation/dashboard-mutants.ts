/** Mutants of the dashboard: of what the server says of it, and of what it keeps of a session. */
import { edit, type MutantGroup } from './mutant.js';

const HTTP = 'test/platform/dashboard-http.test.ts';
const LOGIN = 'test/platform/dashboard-login.slow.test.ts';
const CONSOLE = 'test/services/console-login.slow.test.ts';
const SOURCE = 'packages/dashboard/src';

export const dashboard: MutantGroup = {
  title: 'The dashboard',
  mutants: [
    {
      name: 'dashboard-demo-tokens-for-everybody',
      breaks: 'a development server gives tokens of the demo to other machines and to pages of other names',
      edits: [
        edit(
          'src/http/dashboard.ts',
          'demoUsers && isOfThisMachine(request) ? demoUsers() : []',
          'demoUsers && (isOfThisMachine(request) || true) ? demoUsers() : []',
        ),
      ],
      tests: [HTTP],
    },
    {
      name: 'dashboard-inline-scripts',
      breaks: 'the page runs scripts that somebody has written into it',
      edits: [edit('src/http/dashboard.ts', `"script-src 'self'"`, `"script-src 'self' 'unsafe-inline'"`)],
      tests: [HTTP],
    },
    {
      name: 'dashboard-client-kept',
      breaks: 'the client, with its cache and its token, outlives the switch to another tenant',
      edits: [
        edit(
          `${SOURCE}/session/api.ts`,
          'const client = new Client({',
          'const client = (globalThis as { kept?: Client }).kept ??= new Client({',
        ),
      ],
      tests: ['test/platform/dashboard-switch.slow.test.ts'],
    },
    {
      name: 'dashboard-stays-without-access',
      breaks: 'an open page goes on to show what it has when its user has lost access',
      edits: [edit(`${SOURCE}/session/api.ts`, 'if (code !== 4403 ||', 'if (code !== 4404 ||')],
      tests: ['test/platform/dashboard-isolation.slow.test.ts'],
    },
    {
      name: 'dashboard-asks-for-everything',
      breaks: 'a page asks for what its visitor may not read',
      edits: [
        edit(`${SOURCE}/session/trim.ts`, '|| !holds(argument.value.value)) return null;', ') return null;'),
      ],
      tests: ['test/platform/dashboard-documents.unit.test.ts'],
    },
    {
      name: 'dashboard-token-in-storage',
      breaks: 'the token of a user is in the storage of the browser',
      edits: [
        edit(
          `${SOURCE}/session/oidc.ts`,
          'this.#until = endOf(tokens);',
          "this.#until = endOf(tokens);\n    sessionStorage.setItem('tenantry:token', tokens.access_token);",
        ),
      ],
      tests: [LOGIN],
    },
    {
      name: 'dashboard-login-of-somebody-else',
      breaks: 'a link signs a user in as somebody else',
      edits: [
        edit(
          `${SOURCE}/session/oidc.ts`,
          "if (begun?.state !== answer.get('state')) throw",
          "if (begun?.state === '') throw",
        ),
      ],
      tests: [LOGIN],
    },
    {
      name: 'console-without-a-login',
      breaks: 'the operators’ console is served in production where operators cannot log in to it',
      edits: [
        edit(
          'src/http/dashboards.ts',
          'if (operators && (!production || operators.login)) {',
          'if (operators) {',
        ),
      ],
      tests: [CONSOLE],
    },
    {
      name: 'console-reads-without-a-scope',
      breaks: 'the console asks for tenants that the operator may not read',
      edits: [
        edit(
          `${SOURCE}/operators/tenant/tenant-page.tsx`,
          "{may('TENANTS_READ') ? (",
          "{may('TENANTS_READ') || slug !== '' ? (",
        ),
      ],
      tests: ['test/services/console-pages.slow.test.ts'],
    },
    {
      name: 'console-opens-without-a-reason',
      breaks: 'blanks are a reason for which a tenant is read or changed',
      edits: [
        edit(
          `${SOURCE}/operators/tenant/tenant-page.tsx`,
          'type="submit" disabled={given === \'\'}',
          'type="submit" disabled={reason === \'\'}',
        ),
      ],
      tests: ['test/services/console-actions.slow.test.ts'],
    },
    {
      name: 'console-reads-again-and-again',
      breaks: 'each return to a tenant reads it again, which its audit log takes for another look',
      edits: [
        edit(
          `${SOURCE}/operators/tenant/tenant-page.tsx`,
          "{ policy: 'cache-first' }",
          "{ policy: 'cache-and-network' }",
        ),
      ],
      tests: ['test/services/console-actions.slow.test.ts'],
    },
    {
      name: 'console-erases-without-words',
      breaks: 'a tenant can be erased without the words that name it',
      edits: [
        edit(
          `${SOURCE}/operators/tenant/erase-tenant.tsx`,
          'isReady={confirm === words}',
          'isReady={confirm !== `x${words}`}',
        ),
      ],
      tests: ['test/services/console-actions.slow.test.ts'],
    },
    {
      name: 'console-hides-the-door',
      breaks: 'the operators’ door is hidden by their pages',
      edits: [edit('src/http/dashboard.ts', '=== OPERATOR_PATH) {', '=== `${OPERATOR_PATH}/`) {')],
      tests: [CONSOLE],
    },
  ],
};
