/** Reads the settings of a developer's checkout from the file `.env`, which `.env.example` describes. */
import { existsSync } from 'node:fs';
import process from 'node:process';

/**
 * Adds the variables of `.env` in the working directory, or of the file that `ENV_FILE` names, to the environment.
 * Variables that are already set keep their values. In production no file is read: the platform sets the environment.
 */
export function loadEnvironmentFile(): void {
  if (process.env['NODE_ENV'] === 'production') return;
  const named = process.env['ENV_FILE'];
  const file = named === undefined || named === '' ? '.env' : named;
  if (existsSync(file)) process.loadEnvFile(file);
}
