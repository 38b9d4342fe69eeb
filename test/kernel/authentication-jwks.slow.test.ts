/**
 * Proves that tokens signed with a key of the JWKS are accepted, and that no token can use such a key as the secret.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  now,
  claims,
  bearer,
  expectRefusal,
  unsigned,
  useAuthentication,
} from '../support/authentication.js';

const { server, ask, admitted } = useAuthentication();

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('with a JWKS configured', () => {
  let keys: Server;
  let provider: TestServer;
  let both: TestServer;
  const publicPem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

  beforeAll(async () => {
    const published = [
      { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', use: 'sig', alg: 'RS256' },
      { ...elliptic.publicKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig', alg: 'ES256' },
    ];
    keys = createServer((_request, response) => response.end(JSON.stringify({ keys: published })));
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    const { port } = keys.address() as AddressInfo;
    const JWKS_URI = `http://127.0.0.1:${port}/jwks`;
    const { database } = server();
    provider = await startTestServer({ database, env: { JWKS_URI, JWT_SECRET: '' } });
    both = await startTestServer({ database, env: { JWKS_URI } });
  });
  afterAll(async () => {
    await provider.close();
    await both.close();
    keys.close();
  });

  const signed = (algorithm: jwt.Algorithm, key: KeyObject, keyid?: string) =>
    `Bearer ${jwt.sign(claims(), key, { algorithm, ...(keyid !== undefined && { keyid }) })}`;

  test('a token signed with a published key is believed', async () => {
    for (const at of [provider, both]) {
      expect(await admitted({ at, authorization: signed('RS256', rsa.privateKey, 'rsa') })).toMatchObject({
        role: 'OWNER',
      });
      expect(await admitted({ at, authorization: signed('ES256', elliptic.privateKey, 'ec') })).toMatchObject(
        {
          role: 'OWNER',
        },
      );
    }
  });

  test('and so is one signed with the secret, when there is one beside it', async () => {
    expect(await admitted({ at: both, authorization: bearer(claims()) })).toMatchObject({ role: 'OWNER' });
  });

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const CONFUSED: Readonly<Record<string, () => string>> = {
    'HS256 with the RSA public key as the secret': () =>
      bearer(claims(), { secret: publicPem(rsa.publicKey), header: { kid: 'rsa' } }),
    'HS256 with the trimmed RSA public key as the secret': () =>
      bearer(claims(), { secret: publicPem(rsa.publicKey).trim(), header: { kid: 'rsa' } }),
    'HS256 with the elliptic public key as the secret': () =>
      bearer(claims(), { secret: publicPem(elliptic.publicKey), header: { kid: 'ec' } }),
    'HS256 with the JWK as the secret': () =>
      bearer(claims(), {
        secret: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
        header: { kid: 'rsa' },
      }),
    'the empty secret': () => bearer(claims(), { secret: '' }),
    'alg none': () => `Bearer ${unsigned('none')}.`,
    'RS256 with a key that is not published, under a published id': () =>
      signed('RS256', other.privateKey, 'rsa'),
    'RS256 under an unknown key id': () => signed('RS256', rsa.privateKey, 'unknown'),
    'RS256 without a key id, where several keys are published': () => signed('RS256', rsa.privateKey),
    'RS256 under the id of the elliptic key': () => signed('RS256', rsa.privateKey, 'ec'),
    'ES256 under the id of the RSA key': () => signed('ES256', elliptic.privateKey, 'rsa'),
    'RS512 with a published key': () => signed('RS512', rsa.privateKey, 'rsa'),
    'PS256 with a published key': () => signed('PS256', rsa.privateKey, 'rsa'),
    'a key that the token itself brings': () => {
      const jwk = { ...other.publicKey.export({ format: 'jwk' }), kid: 'mine' };
      return `Bearer ${jwt.sign(claims(), other.privateKey, {
        algorithm: 'RS256',
        header: {
          alg: 'RS256',
          kid: 'mine',
          jwk,
          jku: 'http://127.0.0.1:9/jwks',
          x5u: 'http://127.0.0.1:9/',
        } as jwt.JwtHeader,
      })}`;
    },
    'an expired token': () =>
      `Bearer ${jwt.sign(claims({ exp: now() - 10 }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
    'another issuer': () =>
      `Bearer ${jwt.sign(claims({ iss: 'https://elsewhere.example' }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
    'another audience': () =>
      `Bearer ${jwt.sign(claims({ aud: 'elsewhere' }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
  };
  for (const [offer, authorization] of Object.entries(CONFUSED)) {
    test(`${offer} is refused, with and without a secret configured`, async () => {
      for (const at of [provider, both]) {
        expectRefusal(await ask({ at, authorization: authorization() }), 401, 'UNAUTHENTICATED');
      }
    });
  }

  test('a token signed with the secret of another deployment is refused where there is only the JWKS', async () => {
    expectRefusal(await ask({ at: provider, authorization: bearer(claims()) }), 401, 'UNAUTHENTICATED');
  });
});
