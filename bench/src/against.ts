/**
 * Measures what a change costs: compares this checkout with an earlier one. Both must be built.
 * `npm run bench:against -- CHECKOUT [--only W1,W3] [--rounds 5] [--seconds 4] [--callgrind]`
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TENANTRY_ROOT } from './places.js';
import { compareVariants } from './variants.js';
import { WORKLOADS } from './workloads.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: WORKLOADS.map(({ name }) => name).join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    callgrind: { type: 'boolean', default: false },
  },
});
const [checkout] = positionals;
if (checkout === undefined) {
  console.error('Name the earlier checkout: npm run bench:against -- CHECKOUT');
  process.exit(2);
}

await compareVariants({
  variants: [
    { name: 'now', root: TENANTRY_ROOT },
    { name: 'before', root: resolve(process.env['INIT_CWD'] ?? '.', checkout) },
  ],
  only: values.only.split(','),
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  callgrind: values.callgrind,
});
