/** `tenantry module` cannot do what it was asked; the message says what to do. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
}
