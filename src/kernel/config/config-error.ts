/** The configuration cannot be used; the message says which variable and why, and never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
