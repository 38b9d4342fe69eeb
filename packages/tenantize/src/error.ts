/** Tables cannot be converted as they are. The message is for whoever runs the command: what is wrong, a line each. */
export class TenantizeError extends Error {
  override readonly name = 'TenantizeError';
}
