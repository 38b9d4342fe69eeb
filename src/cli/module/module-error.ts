/** `tenantry module` failed; the message says what to do. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
}
