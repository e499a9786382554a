/** What every page has: where it leads, whether automation is paused, how old it is, who looks. */
import { hash } from 'node:crypto';
import { raw } from 'hono/html';
import { Html, html, note, type Part, type Tone } from './html.ts';
import { SCRIPT, UPDATE_SECONDS } from './script.ts';
import { STYLE } from './style.ts';
import { ago, clockTime } from './text.ts';
import { hrefOf, pageLink, type View, viewerText } from './view.ts';

export interface ShownPage {
  /** 200 when absent. */
  readonly status?: number;
  /** Of the tab, without the name of the app; what hurts comes first. */
  readonly title: string;
  /** The colour of the tab's icon. */
  readonly tone?: Tone;
  readonly main: Html;
}

/** Undefined for one who has no name: the overview. */
const PLACES: readonly (readonly [page: string, name: string])[] = [
  ['', 'Overview'],
  ['services', 'Services'],
  ['deployments', 'Deployments'],
  ['errors', 'Errors'],
  ['events', 'Events'],
  ['audit', 'Audit'],
  ['automation', 'Automation'],
];

/** The whole document. */
export function documentOf(view: View, { title, tone = 'quiet', main }: ShownPage): string {
  const { now, page, base, query } = view;
  const [place = ''] = page.split('/');
  const here = hrefOf(view, page === '' ? [] : page.split('/'), {
    ...Object.fromEntries(query),
    ...{ done: undefined, count: undefined, refused: undefined, more: undefined },
  });
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<title>${title} · platform-events</title>
<link rel="icon" href="${iconOf(tone)}">
${STYLE_ELEMENT}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="${hrefOf(view, [])}">platform-events</a>
<nav aria-label="Pages"><ul>${PLACES.map(
    ([path, name]) =>
      html`<li><a href="${hrefOf({ base, query }, path === '' ? [] : [path])}" ${current(path === place || (path === 'events' && place === 'chain'))}>${name}</a></li>`,
  )}</ul></nav>
<div class="live"><span class="shown">as of ${clockTime(now, now)} UTC</span> <a href="${here}">Refresh</a>
<button type="button" hidden aria-pressed="false" title="The page updates itself every ${UPDATE_SECONDS} s">Pause updates</button></div>
</header>
<main id="main" tabindex="-1">
${pauseNotice(view)}
${main}
</main>
<footer>${note(viewerText(view))}</footer>
<p id="spoken" class="hidden" role="status"></p>
${SCRIPT_ELEMENT}
</body>
</html>
`.toString();
}

/** On top of every page while automation is paused: who did it, why, and since when. */
function pauseNotice(view: View): Part {
  const { pause, now } = view;
  if (!pause) return undefined;
  const { by, reason, since } = pause;
  return html`<div class="notice"><p><strong>Automation is paused</strong> by ${by}, ${ago(Date.parse(since), now)}: ${reason}.
Nothing is rolled back and no quota is raised by itself. ${pageLink(view, ['automation'], 'Resume it')}</p></div>`;
}

function current(isHere: boolean): Part {
  return isHere ? html`aria-current="page"` : undefined;
}

const ICON_COLOURS: Readonly<Record<Tone, string>> = { good: '3c9a58', busy: 'd39a1e', bad: 'd0394b', quiet: '7a8594' };

/** A dot: among many tabs it shows how things stand. */
function iconOf(tone: Tone): string {
  const circle = `%3Ccircle cx='8' cy='8' r='7' fill='%23${ICON_COLOURS[tone]}'/%3E`;
  return `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E${circle}%3C/svg%3E`;
}

// Their texts are ours, and would not be the same if they were escaped.
const STYLE_ELEMENT = Html.trusted(raw(`<style>${STYLE}</style>`));
const SCRIPT_ELEMENT = Html.trusted(raw(`<script>${SCRIPT}</script>`));

function sha256(text: string): string {
  return `'sha256-${hash('sha256', text, 'base64')}'`;
}

/**
 * Nothing from anywhere else, no script but the one above, in no frame, and forms to this app alone. The address, which may
 * hold a function key, goes to nobody else; to this app it must, or a browser would not say whose page a form comes from.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src ${sha256(STYLE)}`,
    `script-src ${sha256(SCRIPT)}`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
