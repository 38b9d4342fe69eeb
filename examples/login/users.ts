/** The users of the example, from a file. Passwords are kept as scrypt hashes. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export interface User {
  /** The `userId` of the user's memberships, or the name of an operator. */
  readonly sub: string;
  readonly email: string;
  /** The slugs of the user's tenants. */
  readonly tenants: readonly string[];
  /** What an operator may do. */
  readonly scopes?: readonly string[];
  /** `salt:hash`, as password.ts prints it. */
  readonly password: string;
}

const derive = promisify<string, string, number, Buffer>(scrypt);
const BYTES = 32;

export const readUsers = (file: string): readonly User[] =>
  JSON.parse(readFileSync(file, 'utf8')) as readonly User[];

/** The user with this address and password. An unknown address takes as long as a wrong password. */
export async function findUser(
  users: readonly User[],
  email: string,
  password: string,
): Promise<User | undefined> {
  const user = users.find((each) => each.email === email);
  const [salt = '', hash = ''] = (user?.password ?? 'nobody:').split(':');
  const derived = await derive(password, salt, BYTES);
  const kept = Buffer.from(hash, 'base64url');
  return kept.length === BYTES && timingSafeEqual(kept, derived) ? user : undefined;
}

/** What users.json keeps of a password. */
export async function hashed(password: string): Promise<string> {
  const salt = randomBytes(16).toString('base64url');
  return `${salt}:${(await derive(password, salt, BYTES)).toString('base64url')}`;
}
