/**
 * Proves that a mail has one recipient and only our headers, whatever characters the names in it contain, through a
 * real SMTP server or into files, and that sending ends in time.
 */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { createMailer, nameInMail, oneLine, type Mail } from '../../src/services/mail/mailer.js';
import { headerOf, readMail, startMailServer, type MailServer } from '../support/mail.js';

let smtp: MailServer;
let folder: string;
beforeAll(async () => {
  smtp = await startMailServer();
  folder = await mkdtemp(join(tmpdir(), 'tenantry-mail-'));
});
afterAll(async () => {
  await smtp.close();
  await rm(folder, { recursive: true });
});

const FROM = 'Tenantry <no-reply@example.test>';
const mail: Mail = {
  to: 'somebody@example.test',
  subject: 'A subject',
  text: 'First line\n\nSecond line ½\n',
};
const mailerTo = (smtpUrl: string | undefined, withinMs?: number) =>
  createMailer({ smtpUrl, from: FROM, folder: join(folder, 'mail') }, withinMs);

/** Runs `work` and returns the one mail that the server received meanwhile. */
async function receivedDuring(work: () => Promise<unknown>) {
  const before = smtp.received.length;
  await work();
  expect(smtp.received.length).toBe(before + 1);
  return smtp.received[before]!;
}

describe('through SMTP', () => {
  test('a mail arrives as it was written', async () => {
    const { recipients, raw } = await receivedDuring(() => mailerTo(smtp.url).send(mail));
    expect(recipients).toEqual([mail.to]);
    expect(headerOf(raw, 'from')).toEqual([FROM]);
    expect(headerOf(raw, 'to')).toEqual([mail.to]);
    expect(headerOf(raw, 'subject')).toEqual([mail.subject]);
    expect(headerOf(raw, 'content-type')).toEqual(['text/plain; charset=utf-8']);
    expect(readMail(raw).text.trim()).toBe(mail.text.trim());
  });

  test('the login of the URL is used, and a wrong one is a failure', async () => {
    const guarded = await startMailServer({ user: 'tenantry', password: 'p@ss/word' });
    try {
      await mailerTo(guarded.url).send(mail);
      expect(guarded.received).toHaveLength(1);
      const wrong = guarded.url.replace('p%40ss', 'pass');
      await expect(mailerTo(wrong).send(mail)).rejects.toThrow('Invalid login');
      expect(guarded.received).toHaveLength(1);
    } finally {
      await guarded.close();
    }
  });

  test.each(['refuse', 'hang'] as const)('a server that does %s is a failure, in time', async (how) => {
    smtp.behave(how);
    try {
      // Without the limit it would wait for two minutes, longer than a test may take.
      await expect(mailerTo(smtp.url, 300).send(mail)).rejects.toThrow();
    } finally {
      smtp.behave('accept');
    }
    await receivedDuring(() => mailerTo(smtp.url).send(mail));
  });

  test('a server that is not there is a failure', async () => {
    await expect(mailerTo('smtp://127.0.0.1:9').send(mail)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('without SMTP', () => {
  test('a mail becomes a file that only its owner can read', async () => {
    const { file = '' } = await mailerTo(undefined).send(mail);
    expect(await readdir(join(folder, 'mail'))).toHaveLength(1);
    const raw = await readFile(file, 'utf8');
    expect(headerOf(raw, 'to')).toEqual([mail.to]);
    expect(readMail(raw).text.trim()).toBe(mail.text.trim());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'mail'))).mode & 0o777).toBe(0o700);
    // The recipient is in the file, but not in its name.
    expect(file).toMatch(/\/mail\/[0-9TZ.-]+-[0-9a-f-]{36}\.eml$/);
  });

  test('and without a folder no mail is written either', async () => {
    const mailer = createMailer({ smtpUrl: undefined, from: 'a@b.test', folder: undefined });
    await expect(mailer.send(mail)).rejects.toThrow('SMTP_URL is not set');
  });

  test('two mails at once are two files', async () => {
    const before = (await readdir(join(folder, 'mail'))).length;
    const mailer = mailerTo(undefined);
    await Promise.all([mailer.send(mail), mailer.send(mail)]);
    expect(await readdir(join(folder, 'mail'))).toHaveLength(before + 2);
  });
});

const EVIL: Readonly<Record<string, string>> = {
  'a line break and a header': 'Acme\r\nBcc: victim@example.test',
  'a bare line feed': 'Acme\nBcc: victim@example.test',
  'a bare carriage return': 'Acme\rBcc: victim@example.test',
  'two line breaks and a body': 'Acme\r\n\r\nClick https://evil.test',
  'a folded header': 'Acme\r\n Bcc: victim@example.test',
  'a Unicode line separator': 'Acme\u2028Bcc: victim@example.test',
  'a next line': 'Acme\u0085Bcc: victim@example.test',
  'an encoded word': '=?utf-8?Q?Acme=0D=0ABcc:_victim@example.test?=',
  'a NUL': 'Acme\u0000\r\nBcc: victim@example.test',
  'a vertical tab and a form feed': 'Acme\u000B\u000CBcc: victim@example.test',
};

describe('a subject with', () => {
  test.each(Object.entries(EVIL))('%s adds no header and no recipient', async (_name, subject) => {
    const plain = await receivedDuring(() => mailerTo(smtp.url).send(mail));
    const { recipients, raw } = await receivedDuring(() => mailerTo(smtp.url).send({ ...mail, subject }));
    expect(recipients).toEqual([mail.to]);
    const names = (each: string) => readMail(each).headers.map(([name]) => name);
    expect(names(raw)).toEqual(names(plain.raw));
    expect(readMail(raw).text).toBe(readMail(plain.raw).text);
    expect(headerOf(raw, 'subject')).toHaveLength(1);
  });
});

test('one line is without breaks, control characters, and what turns the writing round or is unseen', () => {
  for (const text of Object.values(EVIL)) expect(oneLine(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
  expect(oneLine('  Acme \u202E\u200B\u2066 Inc.\t\n')).toBe('Acme Inc.');
  expect(oneLine('Ünïcode & 株式会社 🦊')).toBe('Ünïcode & 株式会社 🦊');
});

test('a name in a mail is one line, and short', () => {
  expect(nameInMail(' Acme\n Inc. ')).toBe('Acme Inc.');
  expect(nameInMail('x'.repeat(81))).toBe(`${'x'.repeat(80)}…`);
  // Half a character is none.
  expect(nameInMail(`${'x'.repeat(79)}🦊🦊`)).toBe(`${'x'.repeat(79)}\uFFFD…`);
});

test('an address that is a list goes nowhere but there', async () => {
  // The API refuses such an address before. The mailer must still not treat it as two.
  const before = smtp.received.length;
  await mailerTo(smtp.url)
    .send({ ...mail, to: 'a@example.test, victim@example.test' })
    .catch(() => undefined);
  for (const { recipients } of smtp.received.slice(before)) {
    expect(recipients).not.toContain('victim@example.test');
  }
});

describe('the configuration', () => {
  const SMTP = {
    SMTP_URL: 'smtp://user:hunter2@mail.test:587',
    MAIL_FROM: 'Acme <hello@example.test>',
    APP_URL: 'https://app.example.test/',
  };

  test('needs no mail server', () => {
    expect(readConfig({})).toMatchObject({
      smtpUrl: undefined,
      appUrl: 'http://localhost:4000/app',
      invitationDays: 7,
    });
  });

  test('with a mail server needs a sender, and where links lead', () => {
    expect(readConfig(SMTP)).toMatchObject({
      smtpUrl: SMTP.SMTP_URL,
      mailFrom: SMTP.MAIL_FROM,
      appUrl: 'https://app.example.test',
    });
    for (const missing of ['MAIL_FROM', 'APP_URL']) {
      expect(() => readConfig({ ...SMTP, [missing]: '' })).toThrow(ConfigError);
    }
  });

  test.each([
    ['SMTP_URL', 'https://mail.test'],
    ['SMTP_URL', 'hunter2'],
    ['APP_URL', 'ftp://app.test'],
    ['APP_URL', 'https://app.test/?a=b'],
    ['APP_URL', 'https://app.test/#top'],
    ['MAIL_FROM', 'nobody'],
    ['MAIL_FROM', 'a@b.test\r\nBcc: c@d.test'],
    ['INVITATION_DAYS', '0'],
    ['INVITATION_DAYS', '91'],
    ['INVITATION_DAYS', '1.5'],
    ['INVITATION_DAYS', 'a week'],
  ])('refuses %s=%j, and does not repeat it', (name, value) => {
    const refused = () => readConfig({ ...SMTP, [name]: value });
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(name);
    expect(refused).not.toThrow('hunter2');
  });
});
