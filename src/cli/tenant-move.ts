import process from 'node:process';
import { Command, Option } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { sealKeys } from '../services/audit-trail/seal-keys.js';
import { confirmMove, moveTenant, undoMove } from '../services/lifecycle/move-tenant.js';
import { asOperatorOfCells } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface MoveOptions extends Reasoned {
  readonly cell?: string;
  readonly confirm?: true;
  readonly undo?: true;
  readonly json?: boolean;
}

/** `tenantry tenant move SLUG --cell NAME` moves a tenant to another database: docs/cells.md. */
export const tenantMoveCommand = (): Command =>
  new Command('move')
    .description(
      'Move a tenant to another cell; its old copy stays until --confirm. May be repeated when it was cut off',
    )
    .argument('<slug>')
    .addOption(new Option('--cell <name>', 'where to: a cell, or default').conflicts(['confirm', 'undo']))
    .addOption(new Option('--confirm', 'erase the copy that the move has left behind').conflicts('undo'))
    .option('--undo', 'go back to the former cell, before or after the tenant is served from the new one')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string, options: MoveOptions) => {
      const { cell, confirm, undo } = options;
      const reason = reasonOf(options, 'tenant move');
      const keys = await sealKeys(readConfig(process.env, 'command'));
      const onStep = (step: string) => void process.stderr.write(`${step}\n`);
      const done = await asOperatorOfCells<object>((cells) => {
        if (confirm) return confirmMove(cells, slug, keys);
        if (undo) return undoMove(cells, { slug, reason, keys, onStep });
        if (cell === undefined) throw new ConfigError('Say --cell, --confirm or --undo.');
        return moveTenant(cells, { slug, reason, keys, onStep, to: cell === 'default' ? undefined : cell });
      });
      printRows([done], options);
    });
