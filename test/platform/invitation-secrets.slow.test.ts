/**
 * Proves that no token or hash of an invitation can be read in a field, a table or a log, and what the database itself
 * refuses.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { hashSecret, newSecret } from '../../src/kernel/auth/secrets.js';
import { startChild } from '../support/child.js';
import { sign } from '../support/database.js';
import { bind, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { startMailServer, tokenIn } from '../support/mail.js';
import { stateOf } from '../support/mutations.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { insertInvitation } from '../support/rows.js';
import { TEST_SECRET } from '../support/server.js';
import { userToken } from '../support/user-token.js';
import { TABLES, newEmail, person, useInvitations } from '../support/invitations.js';

const { database, server, succeed, invite, membersWith, rowOf } = useInvitations();

describe('tokens and hashes', () => {
  test('are readable in no field, and not in the audit log', async () => {
    const { id, email, token } = await invite(newEmail(), 'VIEWER');
    await invite(email, 'MEMBER');
    await succeed('revokeInvitation', 'invitation { id }', { id });
    const owner = await server().as('owner', 'acme');
    const { text } = await owner.query(
      `{ auditLog(filter: { entityId: "${id}" }) { nodes { action oldValue newValue } }
         invitations(first: 100) { nodes { id email role status invitedBy invitedAt expiresAt acceptedAt acceptedBy revokedAt } } }`,
    );
    expect(text).toContain(email);
    expect(text).toContain('invitation.updated');
    const { token_hash: current } = await rowOf(id);
    for (const secret of [token, hashSecret(token), current, 'hash']) expect(text).not.toContain(secret);
    const types = await owner.query('{ __schema { types { fields { name } inputFields { name } } } }');
    expect(types.text).not.toMatch(/"name":"[^"]*hash/i);
  });

  test('the token is stored nowhere', async () => {
    const { token } = await invite(newEmail(), 'VIEWER');
    const everything = JSON.stringify(await stateOf(database(), [...TABLES, 'api_keys']));
    expect(everything).toContain(hashSecret(token));
    expect(everything).not.toContain(token);
  });

  test('no token reaches the log; in development, without a mail server, the log says where the mail is', async () => {
    const folder = server().config.dataDir;
    const child = startChild('src/main.ts', [], {
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: database().app,
      JWT_SECRET: TEST_SECRET,
      TENANTRY_DATA_DIR: folder,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const email = newEmail();
    const { token: owner } = await server().as('owner', 'acme');
    const ask = (authorization: string, query: string) =>
      rawPost(`${url}/graphql`, {
        authorization: `Bearer ${authorization}`,
        body: JSON.stringify({ query }),
      });
    await ask(owner, `mutation { inviteMember(input: { email: "${email}", role: VIEWER }) { emailSent } }`);
    const [, file = ''] = await child.says(/"file":"([^"]+\.eml)"/);
    expect(await readdir(join(folder, 'mail'))).toHaveLength(1);
    const token = tokenIn(await readFile(file, 'utf8'));
    const claims = userToken(person(email));
    const accepting = `mutation { acceptInvitation(input: { token: "${token}" }) { membership { role } } }`;
    expect(parseBody(await ask(claims, accepting)).data).toEqual({
      acceptInvitation: { membership: { role: 'VIEWER' } },
    });
    await ask(claims, accepting);
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    for (const secret of [token, hashSecret(token), claims, email]) {
      expect(stdout + stderr).not.toContain(secret);
    }
  });

  test('an error of the mail server takes no token into the log', async () => {
    const guarded = await startMailServer({ user: 'user', password: 'another' });
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: database().app,
      JWT_SECRET: TEST_SECRET,
      SMTP_URL: guarded.url.replace('another', 'hunter2'),
      MAIL_FROM: 'a@example.test',
      APP_URL: 'https://app.example.test',
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const { token: owner } = await server().as('owner', 'acme');
    const answer = await rawPost(`${url}/graphql`, {
      authorization: `Bearer ${owner}`,
      body: JSON.stringify({
        query: `mutation { inviteMember(input: { email: "${newEmail()}", role: VIEWER }) { emailSent } }`,
      }),
    });
    expect(parseBody(answer).data).toEqual({ inviteMember: { emailSent: true } });
    await child.says(/the mail of an invitation could not be sent/);
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    await guarded.close();
    expect(stdout + stderr).not.toMatch(/hunter2|token=|accept\?/);
  });
});

describe('in the database', () => {
  /** Accepts an invitation as the server does. */
  const accept = (client: pg.Client, hash: string | null, email: string | null) => {
    const { expires, signature } = sign('accept_invitation', hash ?? '', 'intruder', email ?? '', 'request');
    return client.query("SELECT * FROM tenantry.accept_invitation($1, 'intruder', $2, 'request', $3, $4)", [
      hash,
      email,
      expires,
      signature,
    ]);
  };

  test('an acceptance leaves its connection bound to nothing', async () => {
    const { token, email } = await insertInvitation(database(), 'acme');
    await connected(database().app, async (client) => {
      const { rows } = await accept(client, hashSecret(token), email);
      expect(rows).toMatchObject([{ outcome: 'accepted', slug: 'acme' }]);
      expect((await refusalOf(client.query('SELECT * FROM memberships'))).message).toBe(
        'no tenant is bound to this transaction',
      );
    });
  });

  test('a transaction that is bound cannot accept for another user than its own', async () => {
    const { token, email } = await insertInvitation(database(), 'globex');
    await connected(database().app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(await database().tenantId('acme')));
      expect((await refusalOf(accept(client, hashSecret(token), email))).state).toBe('42501');
    });
    expect(await membersWith(email)).toEqual([]);
  });

  test('a refused acceptance tells nothing but that', async () => {
    const { token } = await insertInvitation(database(), 'acme');
    await connected(database().app, async (client) => {
      for (const [hash, email, outcome] of [
        [hashSecret(token), 'other@new.test', 'other_email'],
        [hashSecret(token), null, 'other_email'],
        [hashSecret('x'), 'other@new.test', 'unknown'],
        [null, 'other@new.test', 'unknown'],
      ] as const) {
        const { rows } = await accept(client, hash, email);
        expect(rows).toEqual([
          {
            outcome,
            membership_id: null,
            role: null,
            created_at: null,
            version: null,
            joined_at: null,
            tenant_id: null,
            slug: null,
            name: null,
            status: null,
          },
        ]);
      }
    });
  });

  test('an address is stored in lower case, and a hash is a hash', async () => {
    const insert = (email: string, hash: string) =>
      database().asSuperuser(
        `INSERT INTO invitations (tenant_id, email, role, invited_by, expires_at, token_hash)
         SELECT id, $1, 'viewer', 'x', now(), $2 FROM tenants WHERE slug = 'acme'`,
        [email, hash],
      );
    expect((await refusalOf(insert('Upper@new.test', hashSecret('x')))).state).toBe('23514');
    expect((await refusalOf(insert('lower@new.test', newSecret()))).state).toBe('23514');
  });
});
