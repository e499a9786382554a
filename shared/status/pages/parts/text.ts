/** Times, spans and shares as pages show them. */
import { type Html, html } from './html.ts';

const MAX_WHY = 300;

export function shortened(text: string, limit: number = MAX_WHY): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** `2026-03-01 12:00:00`, in UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** How long ago; the time itself for machines and on hover. */
export function ago(ms: number, now: number): Html {
  return html`<time datetime="${new Date(ms).toISOString()}" title="${timeText(ms)} UTC">${spanText(now - ms)} ago</time>`;
}

/** The time of day, with the date unless it is today's. */
export function clockTime(ms: number, now: number): Html {
  const [day, time] = timeText(ms).split(' ');
  const shown = day === timeText(now).slice(0, 10) ? time : `${day} ${time}`;
  return html`<time datetime="${new Date(ms).toISOString()}" title="${timeText(ms)} UTC">${shown}</time>`;
}

/** Down, so that 99.99 % is not shown as 100 %. */
export function percent(share: number): string {
  return `${(Math.floor(share * 10_000 + 1e-6) / 100).toLocaleString('en', { maximumFractionDigits: 2 })} %`;
}

/** A target is shown whole: 99.995 % is not 99.99 %. */
export function exactPercent(share: number): string {
  return `${Number((share * 100).toPrecision(12))} %`;
}

/** The largest unit, and the next when it says something: `3 h 20 min`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ];
  const at = units.findIndex(([, length]) => seconds >= length);
  const [[name, length], next] = [units[at] ?? ['min', 60], units[at + 1]];
  const rest = next ? Math.floor((seconds % length) / next[1]) : 0;
  return `${Math.floor(seconds / length)} ${name}${next && rest > 0 ? ` ${rest} ${next[0]}` : ''}`;
}

/** Exact below a minute, where it matters: `0.4 s`. */
export function durationText(ms: number): string {
  if (ms >= 60_000) return spanText(ms);
  return ms < 1_000 ? `${Math.max(0, Math.round(ms))} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}

/** `1 error`, `2 errors`. */
export function counted(count: number, singular: string, plural = `${singular}s`, isMore = false): string {
  return `${count}${isMore ? '+' : ''} ${count === 1 && !isMore ? singular : plural}`;
}
