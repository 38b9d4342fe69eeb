/**
 * Chooses the values for each argument by its type, name and description; if they tell nothing, all values that fit the
 * type.
 */
import {
  getNamedType,
  GraphQLBoolean,
  GraphQLString,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLInputType,
  type GraphQLLeafType,
} from 'graphql';
import { DAY, EXACT_NUMBERS, type Loot, type LootValue, type ValueKind } from './loot.js';
import type { Arguments, Path } from './operations.js';
import type { Point } from './points.js';
import { carriesType, representationOf } from './typed-ids.js';
import { unlike } from './unlike.js';

const ALL_KINDS: readonly ValueKind[] = ['id', 'cursor', 'email', 'secret', 'text', 'date', 'number'];

/** Values that are positions, such as cursors: a few are as good as all of them. */
const POSITIONS: readonly ValueKind[] = ['date', 'number'];

/** The kind of value that a name or a description suggests; the first match counts. */
const MEANINGS: readonly (readonly [pattern: RegExp, kinds: readonly ValueKind[]])[] = [
  [/cursor|^(after|before)$/i, ['cursor']],
  [/e-?mail/i, ['email']],
  [/token|secret|api.?key|password|hash/i, ['secret']],
  [/(^|[^a-z])ids?([^a-z]|$)|[a-z]Ids?$|actor|user|owner|author/, ['id']],
  [/search|text|contains|body|subject|title|name|comment/i, ['text']],
];

/** The suggested kinds of values of an argument, and then the other kinds that its type accepts. */
export function meantKinds(name: string, description: string, type: GraphQLLeafType) {
  const admitted = admittedKinds(type);
  const [, meant = admitted] =
    MEANINGS.find(([pattern]) => pattern.test(name)) ??
    MEANINGS.find(([pattern]) => pattern.test(description)) ??
    [];
  const first = meant.filter((kind) => admitted.includes(kind));
  return { first: first.length > 0 ? first : admitted, admitted };
}

/** Whether the form of a type’s values is known here. A custom scalar may have any form. */
export const isKnown = ({ name }: GraphQLLeafType): boolean =>
  /^(String|ID|Int|Float|Boolean|UUID|JSON|JSONObject|_Any)$|date|time/i.test(name) ||
  EXACT_NUMBERS.test(name);

function admittedKinds({ name }: GraphQLLeafType): readonly ValueKind[] {
  if (name === 'ID') return ['id', 'text', 'email', 'cursor', 'secret'];
  if (name === 'UUID' || name === '_Any') return ['id'];
  if (name === 'Int' || name === 'Float' || EXACT_NUMBERS.test(name)) return ['number'];
  if (/date|time/i.test(name)) return ['date'];
  return name === 'Boolean' ? [] : ALL_KINDS.filter((kind) => kind !== 'number');
}

/**
 * A tenant's values to try at a point: one from each fitting place, and one of each other kind that the type accepts,
 * because names can mislead.
 */
export function valuesFor(
  point: Point,
  loot: Loot,
  isUseful: (value: LootValue) => boolean = () => true,
): LootValue[] {
  const name = point.leaf.at(-1) ?? point.argument.name;
  const fits = (value: LootValue) => isUseful(value) && isOfForm(value, point.type);
  const { first, admitted } = meantKinds(name, point.description, point.type);
  const kinds = point.type.name === 'ID' ? (['id'] as const) : first;
  const others = admitted.filter((kind) => !kinds.includes(kind));
  return [
    ...kinds.flatMap((kind) => loot.samples([kind], fits).slice(0, POSITIONS.includes(kind) ? 3 : undefined)),
    ...others.flatMap((kind) => loot.samples([kind], fits).slice(0, 1)),
  ];
}

/** Whether the value has the form of the type: days and times differ, and whole numbers have no point. */
function isOfForm({ kind, value }: LootValue, { name }: GraphQLLeafType): boolean {
  if (kind === 'date' && /date|time/i.test(name)) return DAY.test(value) === IS_DAY.test(name);
  return kind !== 'number' || !/^(Int|BigInt|Long)$/.test(name) || /^-?\d+$/.test(value);
}

/** Types of days without a time. */
const IS_DAY = /^(Local)?Date$/;

/** Arguments for sizes of pages and versions of rows, whose numbers do not identify a row. */
const NOBODYS = /^(first|last|limit|offset|skip|take|\w*version)$/i;

/** Whether no value there tells whose it is. */
export const isNobodys = ({ leaf, argument }: Point): boolean => NOBODYS.test(leaf.at(-1) ?? argument.name);

/** How to fill the other arguments. */
export interface Filling {
  readonly own: Loot;
  /** Makes new texts. */
  readonly text: () => string;
  /** Also passes optional texts, because an update needs something to change. */
  readonly optionalTexts: boolean;
  /** Uses ids that do not exist, for mutations that would delete. */
  readonly idsOfNothing?: boolean;
  /** Uses only values that were made for the attack. */
  readonly plantedOnly?: boolean;
}

/** A value for every required argument of a path; undefined when one has no value. */
export function fillPath(path: Path, filling: Filling): Arguments | undefined {
  const filled = path.steps.map(({ field }) => {
    const given: Record<string, unknown> = {};
    for (const argument of field.args) {
      if (!isRequiredArgument(argument)) continue;
      given[argument.name] = fill(argument, field.name, filling);
    }
    return given;
  });
  return filled.some((given) => Object.values(given).includes(undefined)) ? undefined : filled;
}

/** The arguments of a path with this value at a point, and all others filled. */
export function fillPoint(point: Point, value: unknown, filling: Filling): Arguments | undefined {
  const filled = fillPath(point.path, filling);
  if (!filled) return undefined;
  const last = filled.length - 1;
  const { argument, path, leaf } = point;
  const field = path.steps.at(-1)!.field.name;
  const given = place(argument.type, { leaf, value, names: [argument.name], field }, filling);
  return filled.map((each, n) => (n === last ? { ...each, [argument.name]: given } : each));
}

/** The same with a value at each of two points of one path. */
export function fillPair(
  [one, other]: readonly [Point, Point],
  [first, second]: readonly unknown[],
  filling: Filling,
): Arguments | undefined {
  const filled = fillPoint(one, first, filling);
  const beside = fillPoint(other, second, filling)?.at(-1)?.[other.argument.name];
  if (!filled || beside === undefined) return undefined;
  const { argument, leaf } = other;
  const last = filled.at(-1)!;
  const given = argument.name === one.argument.name ? merged(last[argument.name], beside, leaf) : beside;
  return [...filled.slice(0, -1), { ...last, [argument.name]: given }];
}

/** An input with the value that another one has at a place. */
function merged(into: unknown, from: unknown, [next, ...rest]: readonly string[]): unknown {
  if (next === undefined) return from;
  if (Array.isArray(into)) return [merged(into[0], Array.isArray(from) ? from[0] : from, [next, ...rest])];
  const known = into as Readonly<Record<string, unknown>>;
  const wanted = (from as Readonly<Record<string, unknown>>)[next];
  return { ...known, [next]: next in known ? merged(known[next], wanted, rest) : wanted };
}

interface Placed {
  readonly leaf: readonly string[];
  readonly value: unknown;
  /** The names of the argument and the fields down to here. */
  readonly names: readonly string[];
  readonly field: string;
}

function place(type: GraphQLInputType, placed: Placed, filling: Filling): unknown {
  if (isNonNullType(type)) return place(type.ofType, placed, filling);
  if (isListType(type)) return [place(type.ofType, placed, filling)];
  const [next, ...leaf] = placed.leaf;
  if (!isInputObjectType(type) || next === undefined) return placed.value;
  const { type: inner } = type.getFields()[next]!;
  const others = fillFields(type, placed.field, filling, [next]);
  return { ...others, [next]: place(inner, { ...placed, leaf, names: [...placed.names, next] }, filling) };
}

function fillFields(
  type: GraphQLInputType,
  field: string,
  filling: Filling,
  leftOut: readonly string[] = [],
): Record<string, unknown> {
  if (!isInputObjectType(type)) return {};
  const wanted = Object.values(type.getFields()).filter(
    (each) =>
      !leftOut.includes(each.name) &&
      (isRequiredInputField(each) || (filling.optionalTexts && isContent(each.type))),
  );
  return Object.fromEntries(wanted.map((each) => [each.name, fill(each, field, filling)]));
}

/** Whether the type is for content of rows, for which any value will do. */
export const isContent = (type: GraphQLInputType): boolean =>
  /^(String|JSON.*|Date)$/.test(getNamedType(type).name) || EXACT_NUMBERS.test(getNamedType(type).name);

/** An argument, or a field of an input. */
interface Slot {
  readonly type: GraphQLInputType;
  readonly name: string;
  readonly description?: string | null | undefined;
}

function fill(slot: Slot, field: string, filling: Filling): unknown {
  const { type, name } = slot;
  if (isNonNullType(type)) return fill({ ...slot, type: type.ofType }, field, filling);
  if (isListType(type)) {
    const inner = { ...slot, type: type.ofType };
    const item = listedText(inner, filling) ?? fill(inner, field, filling);
    return item === undefined ? undefined : [item];
  }
  const fit = (text: string, end?: string) => filling.own.limits.fit(field, name, text, end);
  // The last one is usually the least powerful role or permission.
  if (isEnumType(type)) return type.getValues().at(-1)?.name;
  if (isInputObjectType(type)) return fillFields(type, field, filling);
  if (type === GraphQLBoolean) return true;
  switch (type.name) {
    case 'ID':
      return idFor(name, field, filling);
    case '_Any': {
      const id = typedIdFor(filling);
      return id === undefined ? undefined : representationOf(id);
    }
    case 'Int':
    case 'Float':
      return 1;
    case 'JSON':
    case 'JSONObject':
      return { text: filling.text() };
    case 'UUID':
      return crypto.randomUUID();
    default:
      if (EXACT_NUMBERS.test(type.name)) return fit(String(randomBelow(9e8) + 1e8));
      if (IS_DAY.test(type.name)) return someDay();
      if (/date|time/i.test(type.name)) return '2100-01-01T00:00:00.000Z';
      if (/e-?mail/i.test(name)) return fit(filling.text(), '@example.com');
      return IS_URL.test(name) ? `https://${filling.text()}.example.com/` : fit(filling.text());
  }
}

const IS_URL = /^(url|uri)$|Ur[li]$/;

/**
 * Texts in lists are usually words that the server knows: one that the attacker's own rows have under that name, or else
 * in a place of which the description speaks, as `AuditEntry.action` for "actions of the audit log".
 */
function listedText({ type, name, description }: Slot, { own }: Filling): string | undefined {
  if (getNamedType(type) !== GraphQLString) return undefined;
  const texts = [...own].filter(({ kind }) => kind === 'text');
  const named = texts.find(({ at }) => at.endsWith(`.${name}`));
  if (named) return named.value;
  const [best] = texts
    .map((text) => ({ text, likeness: likeness(text.at, description ?? '') }))
    .filter(({ likeness: words }) => words >= MOST_OF_A_PLACE)
    .sort((one, other) => other.likeness - one.likeness);
  return best?.text.value;
}

const MOST_OF_A_PLACE = 2;

const randomBelow = (limit: number): number => Math.floor(Math.random() * limit);

/** A random day, from so many that two tenants hardly get the same. */
const someDay = (): string =>
  new Date(Date.UTC(2200 + randomBelow(700), randomBelow(12), 1 + randomBelow(28)))
    .toISOString()
    .slice(0, 10);

/** An id of the attacker, of the type that the argument's name suggests, or else the field's. */
function idFor(name: string, field: string, { own, idsOfNothing, plantedOnly }: Filling): string | undefined {
  const ids = [...own].filter(({ kind, planted }) => kind === 'id' && (planted === true || !plantedOnly));
  const [best] = ids
    .map((id) => ({ id, likeness: likeness(id.at, `${name} ${field}`) + (id.planted ? 0.5 : 0) }))
    .filter(({ likeness }) => !plantedOnly || likeness >= 1)
    // Of two equal matches, the more specific one: `Conversation.id` rather than `Conversation.userId`.
    .sort(
      (one, other) => other.likeness - one.likeness || words(one.id.at).length - words(other.id.at).length,
    );
  if (idsOfNothing) return (best && unlike(best.id, (value) => own.has(value))) ?? crypto.randomUUID();
  return best?.id.value ?? (plantedOnly ? undefined : crypto.randomUUID());
}

/** The value whose place has most words of a point's name: for `topicId` that of `Note.topicId`. */
export function likest(values: readonly LootValue[], { argument, leaf, path }: Point): LootValue | undefined {
  const name = leaf.at(-1) ?? argument.name;
  const text = `${name} ${path.steps.at(-1)!.field.name}`;
  const rank = ({ at }: LootValue): number => 2 * likeness(at, name) + likeness(at, text);
  // Of two equal matches, the more specific one.
  return [...values].sort(
    (one, other) => rank(other) - rank(one) || words(one.at).length - words(other.at).length,
  )[0];
}

/** An id that carries its type; undefined when the attacker has none, or only a planted one will do and there is none. */
function typedIdFor({ own, idsOfNothing, plantedOnly }: Filling): string | undefined {
  const ids = [...own].filter(({ kind, value }) => kind === 'id' && carriesType(value));
  const id = ids.find(({ planted }) => planted) ?? (plantedOnly ? undefined : ids[0]);
  return id && idsOfNothing ? unlike(id, (value) => own.has(value)) : id?.value;
}

/** The number of words of a place in a text: `Conversation.id` in `conversationId postMessage`. */
function likeness(place: string, text: string): number {
  const spoken = new Set(words(text));
  return words(place).filter((word) => spoken.has(word)).length;
}

/** A cache, because the same few names of the schema are split repeatedly. */
const wordsByText = new Map<string, readonly string[]>();

function words(text: string): readonly string[] {
  const known = wordsByText.get(text);
  if (known) return known;
  const found = text
    .split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/)
    .map((word) => word.toLowerCase().replace(/s$/, ''))
    .filter((word) => word !== '' && word !== 'id');
  wordsByText.set(text, found);
  return found;
}

/** A value in the form of the type. */
export function asInput({ value }: Pick<LootValue, 'value'>, type: GraphQLLeafType): unknown {
  if (type.name === 'Int' || type.name === 'Float') return Number(value);
  if (type.name === '_Any') return representationOf(value);
  return type.name.startsWith('JSON') ? { text: value } : value;
}
