/** Reads what others have written: checks that every part is there and of its type, before anything is hashed. */
import { FormatError, fromHex } from './bytes.js';
import type { EntryFields, Redaction, Shape } from './entry.js';
import { PROOF, type Proof, type ShownItem } from './proof.js';
import { sealBytes, type Seal } from './seal.js';
import { cutBytes, type Cut } from './cut.js';
import type { SealedEntry, Start } from './verification.js';

export const HEAD = 'tenantry.audit.head.v1';

export type Fields = Readonly<Record<string, unknown>>;

/** An object of JSON. @throws FormatError */
export function objectOf(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${what} is not JSON`, { cause: error });
  }
  return asObject(value, what);
}

function asObject(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError(`${what} is not an object`);
  }
  return value as Fields;
}

/** @throws FormatError */
export function sealOf(value: unknown): Seal {
  const fields = asObject(value, 'a seal');
  const seal: Seal = {
    tenant: textOf(fields, 'tenant'),
    number: numberOf(fields, 'number'),
    size: numberOf(fields, 'size'),
    root: textOf(fields, 'root'),
    previous: textOf(fields, 'previous'),
    sealedAt: textOf(fields, 'sealedAt'),
    horizon: digitsOf(fields, 'horizon'),
    key: textOf(fields, 'key'),
    signature: textOf(fields, 'signature'),
  };
  sealBytes(seal);
  fromHex(seal.signature, 64);
  return seal;
}

/** Where an export begins whose first entries were dropped. @throws FormatError */
export const startOf = (fields: Fields): Start => ({
  cut: cutOf(fields['cut']),
  seal: sealOf(fields['seal']),
  frontier: listOf(fields, 'frontier').map((each) => textOf({ each }, 'each')),
});

function cutOf(value: unknown): Cut {
  const fields = asObject(value, 'a cut');
  const cut: Cut = {
    tenant: textOf(fields, 'tenant'),
    number: numberOf(fields, 'number'),
    size: numberOf(fields, 'size'),
    seal: textOf(fields, 'seal'),
    cutAt: textOf(fields, 'cutAt'),
    key: textOf(fields, 'key'),
    signature: textOf(fields, 'signature'),
  };
  cutBytes(cut);
  fromHex(cut.signature, 64);
  return cut;
}

/** A seal as it is kept in a file of its own. */
export const headJson = (seal: Seal) => ({ format: HEAD, ...seal });

/**
 * The newest head of a tenant in a text with one head, or with one in each line.
 *
 * @param tenant undefined: of any tenant
 * @throws FormatError when a line is not a head
 */
export function newestHead(text: string, tenant?: string): Seal | undefined {
  const whole = text.trim();
  const lines = isJson(whole) ? [whole] : whole.split('\n').filter((line) => line.trim() !== '');
  return lines
    .map(headOf)
    .filter((seal) => tenant === undefined || seal.tenant === tenant)
    .reduce<Seal | undefined>(
      (newest, seal) => (newest && newest.number > seal.number ? newest : seal),
      undefined,
    );
}

/** @throws FormatError */
export function headOf(text: string): Seal {
  const fields = objectOf(text, 'a head');
  if (fields['format'] !== HEAD) throw new FormatError(`a head has another format than ${HEAD}`);
  return sealOf(fields);
}

/** Whether a text is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws FormatError */
export function entryOf(value: unknown, tenant: string): SealedEntry {
  const fields = asObject(value, 'an entry');
  const redacted = fields['redacted'];
  if (redacted !== undefined && !Array.isArray(redacted)) throw new FormatError('redacted is not a list');
  return {
    tenant,
    position: numberOf(fields, 'position'),
    id: textOf(fields, 'id'),
    createdAt: textOf(fields, 'createdAt'),
    tx: fields['tx'] === null ? null : digitsOf(fields, 'tx'),
    actorType: textOf(fields, 'actorType'),
    actor: textOf(fields, 'actor'),
    action: textOf(fields, 'action'),
    entity: textOf(fields, 'entity'),
    entityId: textOrNull(fields, 'entityId'),
    requestId: textOrNull(fields, 'requestId'),
    old: textOrNull(fields, 'old'),
    new: textOrNull(fields, 'new'),
    salts: textOf(fields, 'salts'),
    ...(fields['leaf'] !== undefined && { leaf: textOf(fields, 'leaf') }),
    ...(redacted !== undefined && { redacted: redacted.map(redactionOf) }),
  };
}

function redactionOf(value: unknown): Redaction {
  const fields = asObject(value, 'a redaction');
  return {
    index: numberOf(fields, 'index'),
    path: textOf(fields, 'path'),
    commitment: textOf(fields, 'commitment'),
  };
}

/** @throws FormatError */
export function proofOf(text: string): Proof {
  const fields = objectOf(text, 'the proof');
  if (fields['format'] !== PROOF) throw new FormatError(`the proof has another format than ${PROOF}`);
  return {
    format: PROOF,
    position: numberOf(fields, 'position'),
    entry: entryFieldsOf(asObject(fields['entry'], 'the entry')),
    items: listOf(fields, 'items').map(itemOf),
    path: listOf(fields, 'path').map((each) => textOf({ each }, 'each')),
    head: sealOf(fields['head']),
  };
}

const entryFieldsOf = (fields: Fields): EntryFields => ({
  tenant: textOf(fields, 'tenant'),
  id: textOf(fields, 'id'),
  createdAt: textOf(fields, 'createdAt'),
  tx: textOrNull(fields, 'tx'),
  actorType: textOf(fields, 'actorType'),
  action: textOf(fields, 'action'),
  entity: textOf(fields, 'entity'),
  entityId: textOrNull(fields, 'entityId'),
  requestId: textOrNull(fields, 'requestId'),
  oldShape: shapeOf(fields, 'oldShape'),
  newShape: shapeOf(fields, 'newShape'),
});

function itemOf(value: unknown): ShownItem | string {
  if (typeof value === 'string') return value;
  const fields = asObject(value, 'a value');
  return { path: textOf(fields, 'path'), salt: textOf(fields, 'salt'), value: textOf(fields, 'value') };
}

function shapeOf(fields: Fields, name: string): Shape {
  const value = textOf(fields, name);
  if (value !== 'none' && value !== 'object' && value !== 'value')
    throw new FormatError(`${name} is unknown`);
  return value;
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new FormatError(`${name} is not a list`);
  return value as readonly unknown[];
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new FormatError(`${name} is not a text`);
  return value;
}

const textOrNull = (fields: Fields, name: string): string | null =>
  fields[name] === null ? null : textOf(fields, name);

function digitsOf(fields: Fields, name: string): string {
  const value = textOf(fields, name);
  if (!/^\d{1,20}$/.test(value)) throw new FormatError(`${name} is not a number`);
  return value;
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new FormatError(`${name} is not a whole number`);
  }
  return value;
}
