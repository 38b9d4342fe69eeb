/**
 * Sends mail: through an SMTP server, or, where none is configured, into files. What a mail says may be secret: nothing
 * of it may reach a log.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';

export interface Mail {
  /** One address, nothing but the address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /**
   * Hands a mail over, within ten seconds.
   *
   * @returns the file it was written to, when there is no SMTP server
   * @throws Error when it could not be handed over; after the ten seconds it may have been all the same
   */
  send(mail: Mail): Promise<{ readonly file: string | undefined }>;
}

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly mailer: Mailer;
  }
}

export interface MailerOptions {
  /** `smtp://user:password@host:587`, or `smtps:`. Undefined: mails become files. */
  readonly smtpUrl: string | undefined;
  /** The sender, `Acme <hello@example.com>`. */
  readonly from: string;
  /** Where the files go. Undefined: without an SMTP server no mail is sent, and none is written. */
  readonly folder: string | undefined;
}

const HANDED_OVER_WITHIN_MS = 10_000;

/** A mail of ours has no attachments: nothing in it may make the server read a file or an address of its choice. */
const TEXT_ONLY = { disableFileAccess: true, disableUrlAccess: true };

/** @param withinMs how long handing over may take */
export function createMailer(
  { smtpUrl, from, folder }: MailerOptions,
  withinMs = HANDED_OVER_WITHIN_MS,
): Mailer {
  const message = ({ to, subject, text }: Mail) => ({
    from,
    to: { name: '', address: to },
    subject: oneLine(subject),
    text,
    // No machine shall answer it (RFC 3834), nor learn what we run.
    headers: { 'auto-submitted': 'auto-generated' },
    xMailer: false as const,
  });
  if (smtpUrl === undefined) {
    if (folder === undefined) {
      return { send: () => Promise.reject(new Error('SMTP_URL is not set: this server sends no mail')) };
    }
    const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix', ...TEXT_ONLY });
    return {
      async send(mail) {
        const { message: bytes } = await composer.sendMail(message(mail));
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}-${randomUUID()}.eml`);
        await writeFile(file, bytes as Buffer, { mode: 0o600, flag: 'wx' });
        return { file };
      },
    };
  }
  const smtp = createTransport({ url: smtpUrl, ...TEXT_ONLY });
  return {
    async send(mail) {
      await smtp.sendMail({ ...message(mail), signal: AbortSignal.timeout(withinMs) });
      return { file: undefined };
    },
  };
}

/**
 * Text for a header or in the middle of a sentence: without line breaks, control characters and those that turn the
 * direction of writing round or cannot be seen, so that nobody who chooses a name can write more than a name.
 */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
