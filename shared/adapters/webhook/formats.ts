/** What a notification looks like to Slack, to Teams, and as a CloudEvent. Pure; every text is escaped and cut to size. */
import type { Notification } from '../../ports/notifier.ts';
import { oneLine } from '../../shown-text.ts';

/** A request body, its media type, and what headers its receiver needs. */
export interface Payload {
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Format = (notification: Notification, link: string | undefined) => Payload;

const ICONS = { info: '\u2139\ufe0f', warning: '\u26a0\ufe0f', critical: '\u{1f6a8}' } as const;
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
 * A Slack message of plain texts, which Slack shows as they are: no mark, link, mention or emoji that a sender wrote means
 * anything. The one text beside them is what phones show; escaped as
 * https://docs.slack.dev/messaging/formatting-message-text asks, it mentions nobody, and `mrkdwn: false` leaves the rest.
 */
export const slack: Format = ({ severity, title, text, team, facts, event }, link) => {
  const fields = shownFacts(team, facts)
    .slice(0, SLACK.fields)
    .map(([name, value]) => plain(`${cut(name, 100)}\n${cut(value, SLACK.field - 110)}`));
  // In a link `|` and `>` would end the address.
  const address = link?.replaceAll('|', '%7C').replaceAll('>', '%3E').replaceAll('&', '&amp;');
  const context = [
    ...(event ? [plain(`${cut(event.type, 100)} ${cut(event.id, 200)}`)] : []),
    ...(address ? [{ type: 'mrkdwn', text: `<${address}|${event ? 'details' : 'dashboard'}>`, verbatim: true }] : []),
  ];
  return json('application/json', {
    text: `${ICONS[severity]} ${fitted(title, SLACK.text - 50, (char) => SLACK_ESCAPES[char] ?? char)}`,
    mrkdwn: false,
    blocks: [
      { type: 'header', text: plain(cut(title, SLACK.title)) },
      { type: 'section', text: plain(`${ICONS[severity]} ${cut(text, SLACK.text - 50)}`) },
      ...(fields.length > 0 ? [{ type: 'section', fields }] : []),
      ...(context.length > 0 ? [{ type: 'context', elements: context }] : []),
    ],
  });
};

function plain(text: string): object {
  return { type: 'plain_text', text, emoji: false };
}

const SLACK_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** An adaptive card in the message that a Teams workflow ("when a webhook request is received") takes. */
export const teams: Format = ({ severity, title, text, team, facts, event }, link) => {
  const size = (part: string): number => Buffer.byteLength(JSON.stringify(part)) - 2;
  const cut = (value: string, limit: number): string => fitted(value, limit, escapeMarkdown, size);
  const about = event ? [['event', `${event.type} ${event.id}`] as const] : [];
  const shown = [...shownFacts(team, facts), ...about].slice(-TEAMS.fields);
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
          ...(link && { actions: [{ type: 'Action.OpenUrl', title: event ? 'Details' : 'Dashboard', url: link }] }),
        },
      },
    ],
  });
};

/** Cards know bold, italics, lists and links of Markdown: https://aka.ms/ACTextFeatures. A list is one where a line begins. */
function escapeMarkdown(char: string, index: number, chars: readonly string[]): string {
  const isMark = /[\\*_[\]`~#<>]/.test(char) || (index === 0 && /[-+]/.test(char));
  const isNumber = index > 0 && index < 10 && /[.)]/.test(char) && /^[0-9]+$/.test(chars.slice(0, index).join(''));
  return isMark || isNumber ? `\\${char}` : char;
}

/**
 * The event that it is about, as it is, or one of type `Notification` when it is about none, with what the notification says
 * of it as extension attributes; no attribute may hold a line break. A receiver with abuse protection wants to know who sends.
 *
 * @see https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md
 */
export const cloudEvents: Format = ({ key, severity, title, text, team, facts, event }, link) => {
  const summary = cut(`${title}: ${text}`, SUMMARY);
  const about = event ?? {
    ...{ specversion: '1.0', id: key, source: '/notifications', type: 'Notification' },
    ...{ datacontenttype: 'application/json', data: { title, text, team, facts } },
  };
  const payload = json('application/cloudevents+json; charset=utf-8', { ...about, severity, summary });
  return link ? { ...payload, headers: { 'WebHook-Request-Origin': new URL(link).hostname } } : payload;
};

export const formats = { slack, teams, cloudevents: cloudEvents } as const;

function shownFacts(team: string | undefined, facts: Notification['facts']): (readonly [string, string])[] {
  return [...(team === undefined ? [] : [['team', team] as const]), ...Object.entries(facts ?? {})];
}

function cut(text: string, limit: number): string {
  return fitted(text, limit, (char) => char);
}

/** As much of a text as fits in a line once it is escaped; never half a character or half an escape. */
function fitted(
  text: string,
  limit: number,
  escapeChar: (char: string, index: number, chars: readonly string[]) => string,
  size: (part: string) => number = (part) => part.length,
): string {
  // Line breaks would let a sender write what looks like lines of ours.
  const chars = [...oneLine(text)].map(escapeChar);
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
