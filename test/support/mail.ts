/** An SMTP server for tests, and a parser of the mail that it received. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  /** The recipients of the envelope. The headers may name others. */
  readonly recipients: readonly string[];
  readonly raw: string;
}

type Behaviour = 'accept' | 'refuse' | 'hang';

export interface MailServer {
  readonly url: string;
  readonly received: ReceivedMail[];
  /** `refuse` accepts no recipient. `hang` takes a mail and never acknowledges it. */
  behave(how: Behaviour): void;
  close(): Promise<void>;
}

/** @param login the login that the server requires, if any */
export async function startMailServer(login?: {
  readonly user: string;
  readonly password: string;
}): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  let behaviour: Behaviour = 'accept';
  /** By session: a connection that the client has given up does not behave like the next one. */
  const behaviours = new Map<string, Behaviour>();
  const server = new SMTPServer({
    onConnect: ({ id }, done) => {
      behaviours.set(id, behaviour);
      done();
    },
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS', ...(login ? [] : ['AUTH'])],
    closeTimeout: 1,
    onAuth: ({ username, password }, _session, done) => {
      const known = username === login?.user && password === login?.password;
      done(known ? null : new Error('no such user'), { user: username });
    },
    onRcptTo: (_address, { id }, done) => {
      done(
        behaviours.get(id) === 'refuse'
          ? Object.assign(new Error('no such mailbox'), { responseCode: 550 })
          : null,
      );
    },
    onData: (stream, { id, envelope }, done) => {
      void buffer(stream).then(
        (bytes) => {
          if (behaviours.get(id) === 'hang') return;
          received.push({
            recipients: envelope.rcptTo.map(({ address }) => address),
            raw: bytes.toString('utf8'),
          });
          done();
        },
        // The client has given up in the middle of a mail.
        () => undefined,
      );
    },
  });
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const account = login ? `${login.user}:${encodeURIComponent(login.password)}@` : '';
  return {
    url: `smtp://${account}127.0.0.1:${port}`,
    received,
    behave: (how) => {
      behaviour = how;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Unfolds the header lines, with names in lower case, and decodes the text. */
export function readMail(raw: string): {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
} {
  const [head = '', ...rest] = raw.replaceAll('\r\n', '\n').split('\n\n');
  const headers = head
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')
    .map(
      (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const,
    );
  const encoding = headers.find(([name]) => name === 'content-transfer-encoding')?.[1];
  return { headers, text: decode(rest.join('\n\n'), encoding) };
}

export const headerOf = (raw: string, name: string): string[] =>
  readMail(raw).headers.flatMap(([each, value]) => (each === name ? [value] : []));

/** The token in the link of an invitation mail. */
export function tokenIn(raw: string): string {
  const token = /\?token=([A-Za-z0-9_.-]+)$/m.exec(readMail(raw).text)?.[1];
  if (token === undefined) throw new Error('there is no link in this mail');
  return token;
}

function decode(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replaceAll('=\n', '')
    .replace(/=([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
