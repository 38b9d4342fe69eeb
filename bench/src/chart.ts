/** Charts as SVG without scripts. */

interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

const WIDTH = 900;
const LEFT = 60;
const TOP = 56;
const PLOT = 260;
const BOTTOM = 34;
const COLOURS = ['#6ba6a3', '#f08a5d', '#a7a0e0', '#d8c27a'];

/** Groups of bars on a logarithmic axis; a value that is no number has no bar. */
export function barChart(chart: {
  readonly title: string;
  readonly groups: readonly string[];
  readonly series: readonly Series[];
}): string {
  const values = chart.series.flatMap((series) => series.values).filter((value) => value > 0);
  const least = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const most = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  const decades = Math.log10(most / least);
  const y = (value: number) => TOP + PLOT * (1 - Math.log10(value / least) / decades);
  const lines = Array.from({ length: Math.round(decades) + 1 }, (_, n) =>
    axisLine(y(least * 10 ** n), least * 10 ** n),
  );
  const width = (WIDTH - LEFT) / chart.groups.length;
  const bar = (width * 0.7) / chart.series.length;
  const bars = chart.groups.flatMap((group, at) => {
    const x = LEFT + at * width + width * 0.15;
    return [
      ...chart.series.map(({ values: of }, n) => {
        const value = of[at]!;
        if (!(value > 0)) return '';
        const top = y(value);
        return (
          rectangle(x + n * bar, top, bar - 3, TOP + PLOT - top, COLOURS[n % COLOURS.length]!) +
          text(x + n * bar + bar / 2, top - 4, value < 10 ? value.toFixed(1) : value.toFixed(0), 'middle')
        );
      }),
      text(LEFT + at * width + width / 2, TOP + PLOT + 18, group, 'middle'),
    ];
  });
  return page(chart.title, chart.series, [...lines, ...bars]);
}

/** Lines over a linear axis that begins at 0. */
export function lineChart(chart: {
  readonly title: string;
  readonly x: readonly number[];
  readonly series: readonly Series[];
}): string {
  const most = niceAbove(Math.max(...chart.series.flatMap((series) => series.values)));
  const widest = Math.max(...chart.x);
  const x = (value: number) => LEFT + ((WIDTH - LEFT - 30) * value) / widest;
  const y = (value: number) => TOP + PLOT * (1 - value / most);
  const lines = [0, 0.25, 0.5, 0.75, 1].map((part) => axisLine(y(part * most), part * most));
  const labels = chart.x.map((value) => text(x(value), TOP + PLOT + 18, `${value} ×`, 'middle'));
  const drawn = chart.series.map(({ values }, n) => {
    const colour = COLOURS[n % COLOURS.length]!;
    const points = values.map((value, at) => `${x(chart.x[at]!).toFixed(1)},${y(value).toFixed(1)}`);
    const dots = points.map((point) => {
      const [cx, cy] = point.split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
    });
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
  });
  return page(chart.title, chart.series, [...lines, ...labels, ...drawn]);
}

function page(title: string, series: readonly Series[], content: readonly string[]): string {
  const height = TOP + PLOT + BOTTOM;
  const legend = series.map(
    ({ name }, n) =>
      rectangle(LEFT + n * 230, 28, 10, 10, COLOURS[n % COLOURS.length]!) +
      text(LEFT + n * 230 + 15, 37, name),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="Verdana, sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="4" y="16" font-size="13">${escaped(title)}</text>`,
    ...legend,
    ...content,
    '</svg>\n',
  ].join('\n');
}

const axisLine = (y: number, value: number): string =>
  `<line x1="${LEFT}" y1="${y.toFixed(1)}" x2="${WIDTH - 10}" y2="${y.toFixed(1)}" stroke="#ddd"/>` +
  text(LEFT - 6, y + 4, String(Number(value.toPrecision(3))), 'end');

const rectangle = (x: number, y: number, width: number, height: number, colour: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`;

const text = (x: number, y: number, content: string, anchor = 'start'): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;

/** 1, 2 or 5 times a power of ten, and not less than the value. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
