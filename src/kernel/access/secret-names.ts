/**
 * Names that mark a column as secret, in any style: `password_hash`, `apiSecret`, `Access-Token`. The database does not
 * record such columns in the audit log (`tenantry.names_secret`; a test checks that both agree), and the API does not
 * show any that are there.
 */
const SECRET_NAME =
  /pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)/i;

/** Prefers false positives: `prompt_tokens` is one. */
export const namesSecret = (name: string): boolean => SECRET_NAME.test(name);
