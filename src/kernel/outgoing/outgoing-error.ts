/**
 * Why a request got no answer:
 *
 * - `url`: the URL may not be asked: its scheme, or a password in it;
 * - `no_public_address`: the host has no address, or none that may be asked. Both are one reason, so that nobody learns
 *   which names exist inside;
 * - `unreachable`: no connection, or it broke before the answer;
 * - `tls`: the certificate is not good;
 * - `timeout`: it took too long;
 * - `bad_answer`: the answer is not HTTP;
 * - `too_large`: the answer has too many bytes.
 */
export type OutgoingFailure =
  'url' | 'no_public_address' | 'unreachable' | 'tls' | 'timeout' | 'bad_answer' | 'too_large';

/** The message says the reason and contains neither the URL nor anything that was answered. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly reason: OutgoingFailure;

  constructor(reason: OutgoingFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The error for a failure of Node's client. */
export function failureOf(error: unknown): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const code = codeOf(error);
  const reason = TLS.test(code) ? 'tls' : code.startsWith('HPE_') ? 'bad_answer' : 'unreachable';
  return new OutgoingError(reason, `${SENTENCES[reason]} (${code}).`, { cause: error });
}

const SENTENCES = {
  tls: 'The certificate of the host is not good',
  bad_answer: 'The answer is not HTTP',
  unreachable: 'The connection failed',
} as const;

/** EPROTO: the host does not speak TLS. */
const TLS = /CERT|ERR_TLS|ERR_SSL|SIGNATURE|ISSUER|HOSTNAME|EPROTO/;

/** An AggregateError, of several addresses that all refuse, has the code of the last one. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
