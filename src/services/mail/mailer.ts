/**
 * Sends mail through an SMTP server, or writes it to files when none is configured. The content of a mail may be secret
 * and must not be logged.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Mail {
  /** One address, without a name. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /** False when there is neither an SMTP server nor a folder: then `send` always fails. */
  readonly canSend: boolean;
  /**
   * Sends a mail to the SMTP server within ten seconds, or writes it to a file.
   *
   * @returns the file, when there is no SMTP server
   * @throws Error when the server did not accept the mail; after a timeout it may still have accepted it
   */
  send(mail: Mail): Promise<{ readonly file: string | undefined }>;
}

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly mailer: Mailer;
  }
}

export interface MailerOptions {
  /** `smtp://user:password@host:587`, or `smtps:`. Undefined: mails are written to files. */
  readonly smtpUrl: string | undefined;
  /** The sender, `Acme <hello@example.com>`. */
  readonly from: string;
  /** The folder of the files. Undefined: without an SMTP server no mail is sent or written. */
  readonly folder: string | undefined;
}

const HANDED_OVER_WITHIN_MS = 10_000;

/** Our mails have no attachments: the content of a mail must not make the server read a file or a URL. */
const TEXT_ONLY = { disableFileAccess: true, disableUrlAccess: true };

/** Loaded only where mail can be sent. */
const nodemailer = () => createRequire(import.meta.url)('nodemailer') as typeof import('nodemailer');

/** @param withinMs how long sending may take, in milliseconds */
export function createMailer(
  { smtpUrl, from, folder }: MailerOptions,
  withinMs = HANDED_OVER_WITHIN_MS,
): Mailer {
  const message = ({ to, subject, text }: Mail) => ({
    from,
    to: { name: '', address: to },
    subject: oneLine(subject),
    text,
    // Prevents automatic answers (RFC 3834), and does not reveal our software.
    headers: { 'auto-submitted': 'auto-generated' },
    xMailer: false as const,
  });
  if (smtpUrl === undefined) {
    if (folder === undefined) {
      const send = () => Promise.reject(new Error('SMTP_URL is not set: this server sends no mail'));
      return { canSend: false, send };
    }
    const composer = nodemailer().createTransport({
      streamTransport: true,
      buffer: true,
      newline: 'unix',
      ...TEXT_ONLY,
    });
    return {
      canSend: true,
      async send(mail) {
        const { message: bytes } = await composer.sendMail(message(mail));
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}-${randomUUID()}.eml`);
        await writeFile(file, bytes as Buffer, { mode: 0o600, flag: 'wx' });
        return { file };
      },
    };
  }
  const smtp = nodemailer().createTransport({ url: smtpUrl, ...TEXT_ONLY });
  return {
    canSend: true,
    async send(mail) {
      await smtp.sendMail({ ...message(mail), signal: AbortSignal.timeout(withinMs) });
      return { file: undefined };
    },
  };
}

/**
 * Text for a header or a sentence: without line breaks, control characters, invisible characters and those that change
 * the direction of text, so that a chosen name cannot contain more than a name.
 */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();

/** The longest part of {@link nameInMail}. */
const LONGEST_NAME = 80;

/** A name that somebody has chosen, for a mail: on one line and cut, so that it cannot contain a message. */
export function nameInMail(name: string): string {
  const line = oneLine(name);
  return line.length <= LONGEST_NAME ? line.toWellFormed() : `${line.slice(0, LONGEST_NAME).toWellFormed()}…`;
}
