/** Draws a CPU profile of V8 as a flame graph: an SVG without scripts that shows a frame's name under the pointer. */

/** The used parts of a `.cpuprofile`. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** A function on one call path, with the time spent in it and in its callees. */
interface Frame {
  readonly name: string;
  readonly place: string;
  time: number;
  readonly callees: Map<string, Frame>;
}

const WIDTH = 1200;
const HEIGHT = 16;
const TOP = 44;
/** Narrower frames, in pixels, are left out: they are too narrow to point at. */
const NARROWEST = 1.2;
const CHARACTER = 6.2;

/** The colour of a frame shows whose code it is. The first matching pattern decides. */
const OWNERS: readonly (readonly [owner: RegExp, colour: string, title: string])[] = [
  [/^\(/, '#c9c9c9', 'V8'],
  [/^node:/, '#b8c4d6', 'Node'],
  [/@prisma|generated\/prisma/, '#8fb996', 'Prisma'],
  [/node_modules\/(pg|pg-[a-z]+|postgres-[a-z]+)\//, '#6ba6a3', 'pg'],
  [/node_modules\/graphql\//, '#e39ac0', 'GraphQL'],
  [/node_modules\/(graphql-shield|graphql-middleware)\//, '#c792d8', 'shield'],
  [/node_modules\/@apollo\//, '#a7a0e0', 'Apollo'],
  [
    /node_modules\/(@?fastify|find-my-way|light-my-request|avvio|pino|sonic-boom)/,
    '#d8c27a',
    'Fastify, pino',
  ],
  [/node_modules\//, '#d3b8a0', 'other packages'],
  [/./, '#f08a5d', 'Tenantry'],
];

/** Returns the SVG of a profile. The width of a frame is its share of the time in which the process did not wait. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = framesOf(profile);
  const rows: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, x: number, level: number): void => {
    const width = (frame.time / root.time) * WIDTH;
    if (width < NARROWEST) return;
    depth = Math.max(depth, level);
    rows.push(box(frame, x, level, width, frame.time / root.time));
    let left = x;
    for (const callee of [...frame.callees.values()].sort((a, b) => b.time - a.time)) {
      draw(callee, left, level + 1);
      left += (callee.time / root.time) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const legend = OWNERS.map(
    ([, colour, owner], index) =>
      `<rect x="${index * 112}" y="22" width="10" height="10" fill="${colour}"/><text x="${index * 112 + 14}" y="31">${owner}</text>`,
  );
  const height = TOP + (depth + 1) * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="Verdana, sans-serif" font-size="10">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="2" y="13" font-size="13">${escaped(title)}</text>`,
    ...legend,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

/**
 * Builds the tree of calls. A function that is called twice from the same path is one frame. The callees of `(root)`
 * are the functions that Node calls.
 */
function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const self = new Map<number, number>();
  samples.forEach((id, index) => self.set(id, (self.get(id) ?? 0) + timeDeltas[index]!));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const add = (node: ProfileNode, caller: Frame): number => {
    const { functionName, url, lineNumber } = node.callFrame;
    // The process waited and used no CPU.
    if (functionName === '(idle)') return 0;
    const place = placeOf(url);
    const key = `${functionName} ${place} ${lineNumber}`;
    const name = functionName || '(anonymous)';
    const frame = caller.callees.get(key) ?? { name, place, time: 0, callees: new Map<string, Frame>() };
    caller.callees.set(key, frame);
    const time = (node.children ?? []).reduce(
      (sum, id) => sum + add(byId.get(id)!, frame),
      self.get(node.id) ?? 0,
    );
    frame.time += time;
    return time;
  };
  const above: Frame = { name: '', place: '', time: 0, callees: new Map() };
  add(nodes[0]!, above);
  return [...above.callees.values()][0]!;
}

/** The path of a file inside its package or inside dist, without the folder that contains it. */
function placeOf(url: string): string {
  const [, inside] = /.*\/(node_modules\/.+)$/.exec(url) ?? /.*\/dist\/(.+)$/.exec(url) ?? [];
  return inside ?? url;
}

function box({ name, place }: Frame, x: number, level: number, width: number, share: number): string {
  const colour = OWNERS.find(([owner]) => owner.test(place === '' ? '(' : place))![1];
  const label = name.slice(0, Math.max(0, Math.floor((width - 4) / CHARACTER)));
  const y = TOP + level * HEIGHT;
  const what = `${name}${place === '' ? '' : ` ${place}`}, ${(share * 100).toFixed(1)} %`;
  return (
    `<g><title>${escaped(what)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${(width - 0.4).toFixed(1)}" ` +
    `height="${HEIGHT - 1}" fill="${colour}"/>` +
    (label.length > 2 ? `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${escaped(label)}</text></g>` : '</g>')
  );
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
