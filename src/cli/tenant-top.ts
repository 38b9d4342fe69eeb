import { Command, InvalidArgumentError, Option } from 'commander';
import { MOST_HOURS, readTopTenantsIn, type TopOptions } from '../services/operator/tenant-usage.js';
import { asOperatorOfCells } from './as-operator.js';
import { printRows } from './output.js';

interface Options extends Omit<TopOptions, 'first'> {
  readonly limit: number;
  readonly json?: boolean;
}

/** `tenantry tenant top` prints the tenants that have used most. */
export const topCommand = (): Command =>
  new Command('top')
    .description('Print the tenants that have used most in the last hours, the largest first')
    .addOption(new Option('--by <what>', 'what counts').choices(['time', 'requests', 'rows']).default('time'))
    .option('--hours <number>', 'how many hours before the present one', wholeNumber(MOST_HOURS), 24)
    .option('--limit <number>', 'the most tenants', wholeNumber(1_000), 20)
    .option('--json', 'print JSON also on a terminal')
    .action(async ({ by, hours, limit, json }: Options) => {
      const tenants = await asOperatorOfCells(async (cells) =>
        readTopTenantsIn((await cells.forLists()).reachable, { by, hours, first: limit }),
      );
      printRows(tenants, { json }, `No tenant has used anything in ${String(hours)} hours.`);
    });

function wholeNumber(most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It is no whole number from 1 to ${String(most)}.`);
  };
}
