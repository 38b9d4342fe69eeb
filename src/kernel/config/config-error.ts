/** The configuration is invalid; the message names the variable and the reason, but never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
