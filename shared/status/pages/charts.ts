/**
 * The charts of an objective: what is left of its budget over the window, and how fast it burns. Lines and bars stretch with
 * the page; what is to be read stands beside them as text, so that it never shrinks.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../duration.ts';
import { budgetWords } from '../../slo/budget-text.ts';
import { burnRate, lengthOf, type SloTarget } from '../../slo/burn-rate.ts';
import type { ObjectiveHealth } from '../../slo/objective-health.ts';
import {
  type CountsFrom,
  hourBuckets,
  recentBuckets,
  type TimeBuckets,
  windowBuckets,
} from '../../slo/time-buckets.ts';
import { type Html, html, type Part } from './parts/html.ts';
import { percent, timeText } from './parts/text.ts';

/** Something that happened to the service, as a line or, with an end, as a stripe. */
export interface Mark {
  readonly kind: 'release' | 'rollback' | 'frozen' | 'onset';
  readonly from: number;
  readonly to?: number | undefined;
  /** On hover, and for screen readers. */
  readonly text: string;
}

const WIDTH = 1_000;
const HEIGHT = 200;
/** In the units of the drawing: bars of an empty chart are seen too. */
const MIN_STRIPE = 2;

interface Plot {
  readonly id: string;
  readonly title: string;
  /** In a sentence: what the drawing says, for those who do not see it. */
  readonly description: string;
  readonly from: number;
  readonly to: number;
  readonly top: string;
  readonly bottom: string;
  readonly content: Part;
  readonly marks: readonly Mark[];
  readonly legend: readonly (readonly [shape: Html, text: string])[];
}

function plotFigure({ id, title, description, from, to, top, bottom, content, marks, legend }: Plot): Html {
  const x = (at: number): number => ((at - from) / (to - from)) * WIDTH;
  const shown = marks.filter((mark) => mark.from <= to && (mark.to ?? mark.from) >= from);
  const drawn = shown.map((mark) => {
    const at = Math.max(0, x(mark.from));
    const text = html`<title>${mark.text}</title>`;
    if (mark.kind === 'release' || mark.kind === 'rollback') {
      return html`<line class="${mark.kind}" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="0" y2="${HEIGHT}">${text}</line>`;
    }
    const width = Math.max(MIN_STRIPE, Math.min(WIDTH, x(mark.to ?? to)) - at);
    return html`<rect class="${mark.kind}" x="${at.toFixed(1)}" width="${width.toFixed(1)}" y="0" height="${HEIGHT}">${text}</rect>`;
  });
  const kinds = new Set(shown.map(({ kind }) => kind));
  const used = [
    ...legend,
    ...MARK_LEGEND.filter(([kind]) => kinds.has(kind)).map(([, shape, text]) => [shape, text] as const),
  ];
  return html`<figure><figcaption id="${id}"><strong>${title}.</strong> ${description}</figcaption>
<div class="plot"><div class="y" aria-hidden="true"><span>${top}</span><span>${bottom}</span></div>
<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-labelledby="${id}">${content}${drawn}</svg>
<div class="x" aria-hidden="true"><span>${timeText(from).slice(0, 16)}</span><span>${timeText(to).slice(0, 16)} UTC</span></div></div>
<ul class="legend">${used.map(([shape, text]) => html`<li>${shape}${text}</li>`)}</ul></figure>`;
}

function swatch(inner: Html): Html {
  return html`<svg class="chart" viewBox="0 0 18 12" aria-hidden="true">${inner}</svg>`;
}

const MARK_LEGEND: readonly (readonly [Mark['kind'], Html, string])[] = [
  ['release', swatch(html`<line class="release" x1="9" x2="9" y1="0" y2="12"/>`), 'release'],
  ['rollback', swatch(html`<line class="rollback" x1="9" x2="9" y1="0" y2="12"/>`), 'rollback'],
  ['frozen', swatch(html`<rect class="frozen" width="18" height="12"/>`), 'frozen'],
  ['onset', swatch(html`<rect class="onset" width="18" height="12"/>`), 'when the burn began, as weighed'],
];

/** From all of it at the window's beginning down to what is left now. */
export function budgetChart(
  id: string,
  { buckets, since }: Pick<ObjectiveHealth, 'buckets' | 'since'>,
  { target, window, minFailures }: SloTarget,
  marks: readonly Mark[],
): Html {
  const to = buckets.at;
  const age = to - since;
  // Of a service that was first checked lately the hours tell more.
  const [step, all] = age < 3 * DAY_MS ? [HOUR_MS, hourBuckets(buckets)] : [4 * HOUR_MS, windowBuckets(buckets)];
  const from = Math.min(Math.max(to - lengthOf(window), since), to - step);
  const inWindow = all.filter((bucket) => bucket.from + step > from);
  const total = inWindow.reduce((sum, bucket) => sum + bucket.total, 0);
  const allowed = Math.max(total * Number((1 - target).toPrecision(12)), minFailures);
  let bad = 0;
  const points = [{ at: from, left: 1 }];
  for (const bucket of inWindow) {
    bad += bucket.bad;
    points.push({ at: Math.min(to, Math.max(from, bucket.from + step)), left: 1 - bad / allowed });
  }
  const left = points.at(-1)?.left ?? 1;
  const bottom = Math.max(-4, Math.min(0, ...points.map((point) => point.left)));
  const y = (value: number): string => (((1 - Math.max(bottom, value)) / (1 - bottom)) * HEIGHT).toFixed(1);
  const x = (at: number): string => (((at - from) / (to - from)) * WIDTH).toFixed(1);
  const line = points.map((point) => `${x(point.at)},${y(point.left)}`).join(' ');
  const content = html`<polygon class="area" points="0,${y(0)} ${line} ${WIDTH},${y(0)}"/><line class="zero" x1="0" x2="${WIDTH}" y1="${y(0)}" y2="${y(0)}"/><polyline class="line" points="${line}"/>`;
  return plotFigure({
    id,
    title: age < lengthOf(window) ? `Error budget since the first check, of ${window}` : `Error budget over ${window}`,
    description: `${bad} of ${total} events were bad, and ${allowed.toFixed(allowed < 10 ? 1 : 0)} may be: ${budgetWords(left)}.`,
    ...{ from, to, top: '100 %', bottom: percent(bottom), content, marks },
    legend: [[swatch(html`<line class="line" x1="0" x2="18" y1="6" y2="6"/>`), 'budget left']],
  });
}

/** Five-minute buckets of the last eight hours against the rates from which a page fires. */
export function burnChart(
  id: string,
  buckets: TimeBuckets,
  target: number,
  limits: readonly { readonly rate: number; readonly text: string }[],
  marks: readonly Mark[],
): Html {
  const all = recentBuckets(buckets);
  const rates = all.map((bucket) => ({ ...bucket, rate: burnRate(bucket, target) }));
  const from = all[0]?.from ?? buckets.at;
  const step = 5 * MINUTE_MS;
  const to = (all.at(-1)?.from ?? buckets.at) + step;
  const highest = Math.max(...rates.map(({ rate }) => rate));
  const limit = Math.max(...limits.map(({ rate }) => rate));
  const top = Math.max(1.25 * limit, Math.min(1.1 * highest, 10 * limit));
  const y = (rate: number): number => HEIGHT - (Math.min(top, rate) / top) * HEIGHT;
  const width = WIDTH / all.length;
  const bars = rates.map(({ from: at, rate, bad, total }: CountsFrom & { rate: number }, n) => {
    if (rate === 0) return undefined;
    const tone = rate >= limit ? 'bad' : rate >= 1 ? 'busy' : '';
    return html`<rect class="bar ${tone}" x="${(n * width).toFixed(1)}" width="${(width * 0.8).toFixed(1)}" y="${y(rate).toFixed(1)}" height="${(HEIGHT - y(rate)).toFixed(1)}"><title>${timeText(at).slice(11, 16)}: ${rate.toFixed(1)} times, ${bad} of ${total} bad</title></rect>`;
  });
  const lines = limits.map(
    ({ rate }) =>
      html`<line class="limit ${rate === limit && 'bad'}" x1="0" x2="${WIDTH}" y1="${y(rate).toFixed(1)}" y2="${y(rate).toFixed(1)}"/>`,
  );
  const worst = highest === 0 ? 'Nothing burnt.' : `At worst the budget burnt ${highest.toFixed(1)} times too fast.`;
  return plotFigure({
    id,
    title: 'Burn rate over the last 8 hours',
    description: `${worst} A page fires ${limits.map(({ rate, text }) => `${text} from ${rate} on`).join(', ')}.`,
    ...{ from, to, top: `${top.toFixed(0)} ×`, bottom: '0', content: html`${bars}${lines}`, marks },
    legend: [
      [swatch(html`<rect class="bar busy" width="18" height="12"/>`), 'faster than the budget allows'],
      [swatch(html`<line class="limit bad" x1="0" x2="18" y1="6" y2="6"/>`), 'pages'],
    ],
  });
}
