/** What a notification looks like to Slack, to Teams, and as a CloudEvent. Pure; every text is escaped and cut to size. */
import type { Notification } from '../ports.ts';

/** A request body, its media type, and what else its receiver wants to be told. */
export interface Payload {
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Format = (notification: Notification, link: string | undefined) => Payload;

const ICONS = { info: ':information_source:', warning: ':warning:', critical: ':rotating_light:' } as const;
const COLORS = { info: 'Accent', warning: 'Warning', critical: 'Attention' } as const;

/** https://docs.slack.dev/reference/block-kit/blocks: header 150, section 3000, ten fields of 2000. */
const SLACK = { title: 150, text: 3_000, field: 2_000, fields: 10 } as const;
/**
 * "Approximately 28 KB" (https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions), of
 * what Teams makes of the card: some senders report refusals from 21 KB on, so this stays below.
 */
const TEAMS = { title: 500, text: 5_000, name: 200, value: 500, fields: 15 } as const;
const SUMMARY = 1_000;

/**
 * A Slack message. Escaped as https://docs.slack.dev/messaging/formatting-message-text asks, and `verbatim`, so that no
 * plain text becomes a link or a mention either.
 */
export const slack: Format = ({ severity, title, text, team, facts, event }, link) => {
  const escapeChar = (char: string): string => SLACK_ESCAPES[char] ?? char;
  const cut = (value: string, limit: number): string => fitted(value, limit, escapeChar, (part) => part.length);
  const fields = shownFacts(team, facts)
    .slice(0, SLACK.fields)
    .map(([name, value]) => marked(`*${cut(name, 100)}*\n${cut(value, SLACK.field - 110)}`));
  const reference = `${cut(event.type, 100)} ${cut(event.id, 200)}`;
  // In a link `|` and `>` would end the address.
  const address = link?.replaceAll('|', '%7C').replaceAll('>', '%3E').replaceAll('&', '&amp;');
  return json('application/json', {
    text: `${ICONS[severity]} ${cut(title, SLACK.text - 50)}`,
    blocks: [
      // A plain text is shown as it is; only its length matters.
      {
        type: 'header',
        text: {
          type: 'plain_text',
          text: fitted(
            title,
            SLACK.title,
            (c) => c,
            (part) => part.length,
          ),
        },
      },
      { type: 'section', text: marked(`${ICONS[severity]} ${cut(text, SLACK.text - 50)}`) },
      ...(fields.length > 0 ? [{ type: 'section', fields }] : []),
      {
        type: 'context',
        elements: [marked(address ? `${reference} · <${address}|history>` : reference)],
      },
    ],
  });
};

function marked(text: string): object {
  return { type: 'mrkdwn', text, verbatim: true };
}

const SLACK_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** An adaptive card in the message that a Teams workflow ("when a webhook request is received") takes. */
export const teams: Format = ({ severity, title, text, team, facts, event }, link) => {
  // Cards know bold, italics, lists and links of Markdown: https://aka.ms/ACTextFeatures
  const escapeChar = (char: string): string => (/[\\*_[\]`~#]/.test(char) ? `\\${char}` : char);
  const size = (part: string): number => Buffer.byteLength(JSON.stringify(part)) - 2;
  const cut = (value: string, limit: number): string => fitted(value, limit, escapeChar, size);
  const shown = [...shownFacts(team, facts), ['event', `${event.type} ${event.id}`] as const].slice(-TEAMS.fields);
  return json('application/json', {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            {
              type: 'TextBlock',
              text: cut(title, TEAMS.title),
              size: 'Large',
              weight: 'Bolder',
              color: COLORS[severity],
              wrap: true,
            },
            { type: 'TextBlock', text: cut(text, TEAMS.text), wrap: true },
            {
              type: 'FactSet',
              facts: shown.map(([name, value]) => ({ title: cut(name, TEAMS.name), value: cut(value, TEAMS.value) })),
            },
          ],
          ...(link && { actions: [{ type: 'Action.OpenUrl', title: 'History', url: link }] }),
        },
      },
    ],
  });
};

/**
 * The event that it is about, as it is, with what the notification says of it as extension attributes; no attribute may
 * hold a line break. A receiver with abuse protection wants to know who sends.
 *
 * @see https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md
 */
export const cloudEvents: Format = ({ severity, title, text, event }, link) => {
  const summary = fitted(
    `${title}: ${text}`.replaceAll(/\s+/g, ' '),
    SUMMARY,
    (char) => char,
    (part) => part.length,
  );
  const payload = json('application/cloudevents+json; charset=utf-8', { ...event, severity, summary });
  return link ? { ...payload, headers: { 'WebHook-Request-Origin': new URL(link).hostname } } : payload;
};

export const formats = { slack, teams, cloudevents: cloudEvents } as const;

function shownFacts(team: string | undefined, facts: Notification['facts']): (readonly [string, string])[] {
  return [...(team === undefined ? [] : [['team', team] as const]), ...Object.entries(facts ?? {})];
}

/** As much of a text as fits once it is escaped; never half a character or half an escape. */
function fitted(
  text: string,
  limit: number,
  escapeChar: (char: string) => string,
  size: (part: string) => number,
): string {
  // Control characters are of no use to a reader, and some receivers refuse them.
  const clean = text.replaceAll(/\p{Surrogate}/gu, '\ufffd').replaceAll(/(?![\t\n])\p{Cc}/gu, '');
  const chars = [...clean].map(escapeChar);
  const sizes = chars.map(size);
  if (sizes.reduce((sum, one) => sum + one, 0) <= limit) return chars.join('');
  let left = limit - size('…');
  const end = sizes.findIndex((one) => {
    left -= one;
    return left < 0;
  });
  return `${chars.slice(0, end).join('')}…`;
}

function json(contentType: string, value: unknown): Payload {
  return { contentType, body: JSON.stringify(value) };
}
