/**
 * The forms of a value in an answer: plain, as JSON or a URL encodes it, in hexadecimal digits, and in base64 at any
 * position of a longer text. In lower case, because the search ignores case.
 */

/** Each form once, in lower case. A UUID and a time have further forms of their own. */
export function encodingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('hex'),
    ...base64Of(bytes),
  ];
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) {
    const digits = value.replaceAll('-', '');
    forms.push(digits, ...base64Of(Buffer.from(digits, 'hex')));
  }
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) {
    forms.push(String(Date.parse(value)), value.slice(0, -1).replace('T', ' '));
  }
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

/**
 * Three bytes become four characters, so there are three ways to begin. The characters at both ends depend on the
 * surrounding text, and are left out.
 */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const own = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
