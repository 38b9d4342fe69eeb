/** Why a tenant cannot be exported, imported or erased, in a sentence for whoever asked. */
export class TenantLifeError extends Error {
  override readonly name = 'TenantLifeError';
}
