/**
 * Names by which a column is taken for a secret, in whatever style they are written: `password_hash`, `apiSecret`,
 * `Access-Token`. The database leaves such columns out of the audit log (`tenantry.names_secret`, which has to agree: a test
 * compares the two), and the API shows none that stand there nevertheless.
 */
const SECRET_NAME =
  /pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)/i;

/** Rather one too many than one too few: `prompt_tokens` is one. */
export const namesSecret = (name: string): boolean => SECRET_NAME.test(name);
