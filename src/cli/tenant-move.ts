import process from 'node:process';
import { Command, Option } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { sealKeys } from '../services/audit-trail/seal-keys.js';
import { TenantLifeError } from '../services/lifecycle/life-error.js';
import { confirmSide, hasMovedSide, moveSide, undoSide } from '../services/lifecycle/move-side.js';
import { confirmMove, moveTenant, undoMove } from '../services/lifecycle/move-tenant.js';
import { cellOfSlug } from '../services/operator/operator-cells.js';
import { asOperatorAt, asOperatorOfCells } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';
import { ownerOf, PLACEMENTS } from './tenant-create.js';

interface MoveOptions extends Reasoned {
  readonly to?: (typeof PLACEMENTS)[number];
  readonly cell?: string;
  readonly confirm?: true;
  readonly undo?: true;
  readonly json?: boolean;
}

/** `tenantry tenant move SLUG` moves a tenant to another database (docs/cells.md), into a schema or out of it (docs/schemas.md). */
export const tenantMoveCommand = (): Command =>
  new Command('move')
    .description(
      'Move a tenant to another cell, into a schema of its own, or out of it; its old copy stays until --confirm. ' +
        'May be repeated when it was cut off',
    )
    .argument('<slug>')
    .addOption(
      new Option(
        '--to <kind>',
        'where its data is to be: with that of others, in a schema or in a database of its own',
      )
        .choices(PLACEMENTS)
        .conflicts(['confirm', 'undo']),
    )
    .addOption(
      new Option('--cell <name>', 'where to: a cell, or default (default: the cell where it is)').conflicts([
        'confirm',
        'undo',
      ]),
    )
    .addOption(new Option('--confirm', 'erase the copy that the move has left behind').conflicts('undo'))
    .option('--undo', 'go back to where it was, before or after the tenant is served from the new place')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string, options: MoveOptions) => {
      const reason = reasonOf(options, 'tenant move');
      const keys = await sealKeys(readConfig(process.env, 'command'));
      const done = await asOperatorOfCells<object>(async (cells) => {
        const here = await cellOfSlug(cells.home, slug);
        const onStep = (step: string) => void process.stderr.write(`${step}\n`);
        const toCell = { slug, reason, keys, onStep };
        const toSide = {
          slug,
          reason,
          onStep,
          connect: asOperatorAt,
          ownerUrl: () => ownerOf(here),
        };
        if (options.confirm ?? options.undo) {
          const isWithin = await hasMovedSide(cells, slug);
          if (options.confirm) return isWithin ? confirmSide(cells, slug) : confirmMove(cells, slug, keys);
          return isWithin ? undoSide(cells, toSide) : undoMove(cells, toCell);
        }
        const order = orderOf(options, here);
        if (order.side === undefined) return moveTenant(cells, { ...toCell, ...order });
        return moveSide(cells, { ...toSide, to: order.side });
      });
      printRows([done], options);
    });

/** What the options ask for: another side of the same database, or another cell. */
type Order =
  | { readonly side: 'shared' | 'schema' }
  | { readonly side: undefined; readonly to: string | undefined; readonly alone: boolean };

/** @throws ConfigError when the options say too little; TenantLifeError for two moves at once */
function orderOf({ to, cell }: Pick<MoveOptions, 'to' | 'cell'>, here: string | undefined): Order {
  if (to === undefined && cell === undefined) {
    throw new ConfigError('Say --to, --cell, --confirm or --undo.');
  }
  const wanted = cell === 'default' ? undefined : cell;
  if (to === 'database') {
    if (wanted === undefined)
      throw new ConfigError('Say the --cell that is the database of this tenant alone.');
    return { side: undefined, to: wanted, alone: true };
  }
  const stays = cell === undefined || wanted === here;
  if (to !== undefined && stays) return { side: to };
  if (to === 'schema') {
    throw new TenantLifeError(
      `A tenant is moved to another cell and into a schema one after the other: first with \`--to shared --cell ${cell!}\`, and when that is confirmed, with \`--to schema\`.`,
    );
  }
  return { side: undefined, to: wanted, alone: false };
}
