/** Tokens of every kind, and the server's answers to them. */
import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { endChildrenAfterAll } from './child.js';
import { parseBody, rawPost, type RawAnswer } from './raw-request.js';
import { TEST_SECRET, useServer, type TestServer } from './server.js';

export const ME = JSON.stringify({
  query:
    '{ me { userId email role permissions tenant { id slug } memberships { role tenant { slug status } } } roles { role permissions } }',
});

export interface MeData {
  readonly me: {
    readonly userId: string;
    readonly email: string;
    readonly role: string;
    readonly permissions: readonly string[];
    readonly tenant: { readonly id: string; readonly slug: string };
    readonly memberships: readonly { role: string; tenant: { slug: string; status: string } }[];
  };
  readonly roles: readonly { readonly role: string; readonly permissions: readonly string[] }[];
}

export type Claims = Readonly<Record<string, unknown>>;

export const now = (): number => Math.floor(Date.now() / 1_000);

/** Valid claims of the owner of acme. They become a token when signed. */
export const claims = (changed: Claims = {}): Claims => ({
  sub: 'demo|acme|owner',
  email: 'owner@acme.test',
  tenant_id: 'acme',
  iss: 'tenantry',
  aud: 'tenantry',
  iat: now(),
  exp: now() + 3_600,
  ...changed,
});

export const without = (...names: string[]): Claims =>
  Object.fromEntries(Object.entries(claims()).filter(([name]) => !names.includes(name)));

/** Signs any payload, because a library would refuse some payloads that an attacker can send. */
export function token(
  payload: unknown,
  { header = {}, secret = TEST_SECRET }: { header?: Claims; secret?: string } = {},
): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export const bearer = (payload: unknown, options?: Parameters<typeof token>[1]) =>
  `Bearer ${token(payload, options)}`;

interface Asked {
  readonly authorization?: string;
  readonly host?: string;
  readonly at?: TestServer;
}

export function expectRefusal(answer: RawAnswer, status: number, code: string): void {
  expect({ status: answer.status, body: JSON.parse(answer.text) as unknown }).toEqual({
    status,
    body: {
      errors: [
        { message: expect.any(String) as string, extensions: expect.objectContaining({ code }) as object },
      ],
    },
  });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.headers['x-request-id']).toBeTruthy();
}
export const unsigned = (alg: string) =>
  [{ alg, typ: 'JWT' }, claims()]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

/** Call it at the top level. */
export function useAuthentication() {
  const server = useServer();
  endChildrenAfterAll();

  /** Asks for `me`. `host` is a host name; the port is added. */
  function ask({ authorization, host, at = server() }: Asked): Promise<RawAnswer> {
    const url = new URL('/graphql', at.url);
    return rawPost(url.href, {
      body: ME,
      ...(authorization !== undefined && { authorization }),
      ...(host !== undefined && { host: `${host}:${url.port}` }),
    });
  }

  /** Asks for `me` and requires that the caller is accepted. */
  async function admitted(asked: Asked): Promise<MeData['me']> {
    const answer = await ask(asked);
    expect(parseBody(answer).errors).toBeUndefined();
    expect(answer.status).toBe(200);
    return (parseBody(answer).data as MeData).me;
  }

  return { server, ask, admitted };
}
