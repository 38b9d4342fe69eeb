/**
 * A text with the letters A to Z in lower case, and all others as they are: how names of tenants and addresses are compared,
 * here and in the database (`lower(… COLLATE "C")`). What knows more alphabets makes one name of two: the Kelvin sign is a k.
 */
export const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
