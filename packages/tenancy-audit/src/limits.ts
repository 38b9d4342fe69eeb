/** The limits of the audit, which every output states. */
export const LIMITS: readonly string[] = [
  'A role that can run SQL of its own choosing can set the tenant by itself, unless the context is signed: row-level ' +
    'security guards against missed filters, not against SQL injection.',
  'The audit reads what the database says of itself. It does not know what the application sends, nor what a function ' +
    'in another language than SQL or PL/pgSQL does.',
];
