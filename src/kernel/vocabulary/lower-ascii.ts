/**
 * A text with A to Z in lower case and all other characters unchanged. Names of tenants and addresses are compared in
 * this form, here and in the database (`lower(… COLLATE "C")`). Unicode's lower case would make different names equal:
 * it maps the Kelvin sign to k.
 */
export const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
