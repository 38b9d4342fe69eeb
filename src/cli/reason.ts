/** The reason of a command for one tenant, which the tenant's audit log has. */
import { InvalidArgumentError, Option } from 'commander';

/** What {@link reasonOption} adds to the options of a command. */
export interface Reasoned {
  readonly reason?: string;
}

/** `--reason`, of one line with at most 500 characters. */
export const reasonOption = (): Option =>
  new Option('--reason <text>', 'why, for the audit log of the tenant').argParser(parseReason);

/** @param command what the audit log has when no reason is given: `tenant show` */
export const reasonOf = ({ reason }: Reasoned, command: string): string => reason ?? `tenantry ${command}`;

function parseReason(value: string): string {
  const reason = value.trim();
  if (reason.length >= 1 && reason.length <= 500 && !/\p{Cc}/u.test(reason)) return reason;
  throw new InvalidArgumentError('A reason is one line of 1 to 500 characters.');
}
