/** Tables cannot be converted. The message is for the user of the command: one line per reason. */
export class TenantizeError extends Error {
  override readonly name = 'TenantizeError';
}
