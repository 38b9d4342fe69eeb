/** The kinds of environment variables. */
import { isIP } from 'node:net';
import proxyaddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** An empty or blank variable counts as not set, and has its default. */
export const optional = z
  .string()
  .optional()
  .transform((value) => (value?.trim() === '' ? undefined : value));

/** Entries that are separated by commas, without blanks around them. */
export const list = optional.transform((value = '') =>
  value.split(',').flatMap((entry) => (entry.trim() === '' ? [] : entry.trim())),
);

/** A whole number in decimal digits: `1e3`, `0x10` and `2.0` are refused. */
export const wholeNumber = <Default extends number | undefined>(
  least: number,
  most: number,
  what: string,
  byDefault: Default,
) =>
  optional
    .refine((value) => value === undefined || /^\d{1,15}$/.test(value.trim()), `must be ${what}`)
    .refine((value) => value === undefined || Number(value) >= least, `must be at least ${String(least)}`)
    .refine((value) => value === undefined || Number(value) <= most, `must be at most ${String(most)}`)
    .transform((value) => (value === undefined ? byDefault : Number(value)));

/** A part of a whole, from 0 to 1. Default: all of it. */
export const ratio = optional
  .refine(
    (value) => value === undefined || (/^(\d+)?\.?\d+$/.test(value.trim()) && Number(value) <= 1),
    'must be a number from 0 to 1',
  )
  .transform((value) => (value === undefined ? 1 : Number(value)));

/** One of these texts. */
export const oneOf = <Choice extends string>(choices: readonly Choice[]) =>
  optional.pipe(
    z.enum(choices, `must be ${choices.slice(0, -1).join(', ')} or ${String(choices.at(-1))}`).optional(),
  );
export const postgresUrl = optional.refine(
  (value) => value === undefined || isPostgresUrl(value),
  'must be a URL of the form postgresql://user:password@host:5432/database',
);
export const httpUrl = optional.refine(
  (value) => value === undefined || /^https?:$/.test(protocolOf(value)),
  'must be an http or https URL',
);

export const smtpUrl = optional.refine(
  (value) => value === undefined || /^smtps?:$/.test(protocolOf(value)),
  'must be a URL of the form smtp://user:password@host:587 or smtps://…',
);

export const redisUrl = optional.refine(
  (value) => value === undefined || /^rediss?:$/.test(protocolOf(value)),
  'must be a URL of the form redis://user:password@host:6379/0 or rediss://…',
);

/** Where heads of the audit trail go. */
export const headSink = optional.refine(
  (value) => value === undefined || isHeadSink(value),
  'must be a path or an https URL; http only for this machine',
);

/** Addresses and networks of proxies. */
export const proxies = list.transform((entries, context) => {
  try {
    proxyaddr.compile(entries);
    return entries;
  } catch {
    context.addIssue({
      code: 'custom',
      message:
        'must have addresses, networks (10.0.0.0/8), loopback, linklocal or uniquelocal, separated by commas',
    });
    return z.NEVER;
  }
});

/** A path has no scheme. */
function isHeadSink(value: string): boolean {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(value)) return true;
  if (protocolOf(value) === 'https:') return true;
  return protocolOf(value) === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(value).hostname);
}

const HOST_NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i;

/** Names of hosts, addresses and networks. What looks like an address and is none is not taken for a name. */
export const targets = list.transform((entries, context) => {
  const isTarget = (entry: string): boolean =>
    isIP(entry) !== 0 ||
    ipaddr.isValidCIDR(entry) ||
    (HOST_NAME.test(entry) && !/^[\d.]+$/.test(entry) && entry.length <= 253);
  if (entries.every(isTarget)) return entries;
  context.addIssue({
    code: 'custom',
    message: 'must have names of hosts, addresses and networks (10.0.0.0/8), separated by commas',
  });
  return z.NEVER;
});

/** Whether it is the URL of a database of PostgreSQL. */
export function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:$/.test(protocolOf(value)) && new URL(value).pathname.length > 1;
}

function protocolOf(value: string): string {
  try {
    return new URL(value).protocol;
  } catch {
    return '';
  }
}
