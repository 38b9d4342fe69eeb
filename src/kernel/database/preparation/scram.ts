/**
 * Computes passwords in PostgreSQL's stored form: the password itself never leaves this process, so no server log
 * (`log_statement = ddl`) can contain it.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const ITERATIONS = 4096;
const derive = promisify(pbkdf2);

/**
 * The SCRAM-SHA-256 verifier of a password (RFC 5803, in PostgreSQL's notation), which `CREATE ROLE … PASSWORD` accepts
 * instead of the password. With a random salt, so two calls differ.
 */
export async function scramVerifier(password: string, salt = randomBytes(16)): Promise<string> {
  const salted = await derive(saslPrepared(password), salt, ITERATIONS, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${String(ITERATIONS)}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

// RFC 4013, as PostgreSQL's clients apply it: other spaces become spaces, some characters are removed, and the text is
// normalized (NFKC).
function saslPrepared(password: string): string {
  const spaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;
  const ignorable = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu;
  return password.replace(spaces, ' ').replace(ignorable, '').normalize('NFKC');
}
