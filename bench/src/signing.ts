/**
 * Measures what signed contexts cost: compares Tenantry with and without them.
 * `npm run --prefix bench signing -- [--only W1,W3] [--rounds 9] [--seconds 4]`
 */
import { parseArgs } from 'node:util';
import { newSecret } from './compare.js';
import { TENANTRY_ROOT } from './places.js';
import { compareVariants } from './variants.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'W1' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '4' },
  },
});

await compareVariants({
  variants: [
    { name: 'signed', root: TENANTRY_ROOT, contextKey: newSecret() },
    { name: 'unsigned', root: TENANTRY_ROOT },
  ],
  only: values.only.split(','),
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
});
