/**
 * Proves that a package that is not installed in production is reported in one sentence, and that other failures of a
 * package are passed on.
 */
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { developmentPackage } from '../../src/kernel/config/development-package.js';

test('a package that is not installed', async () => {
  const loading = developmentPackage(
    Promise.reject(Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })),
    'It is not installed.',
  );
  await expect(loading).rejects.toThrow(new ConfigError('It is not installed.'));
});

test('a package that fails while it is loaded', async () => {
  const failure = new TypeError('a defect of the package');
  await expect(developmentPackage(Promise.reject(failure), 'It is not installed.')).rejects.toBe(failure);
});

test('a package that is there', async () => {
  await expect(developmentPackage(Promise.resolve({ ready: true }), '')).resolves.toEqual({ ready: true });
});
