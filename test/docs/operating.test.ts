/** The runbook has a section for each alert and each reason, and for nothing that is gone; its words are in the code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../../scripts/rooms.mjs';
import { DeploymentFailed } from '../../shared/events/deployment.ts';
import { jsonSchemaOf } from '../../shared/events/schemas.ts';
import { KNOWN_REASONS } from '../../shared/status/metric-labels.ts';

const page = readFileSync('docs/operating.md', 'utf8').replaceAll('\r\n', '\n');
const ALERTS = [
  ...['errors-waiting', 'backlog', 'oldest-message-age', 'dead-letters', 'throttled', 'server-errors'],
  ...['probe-failing', 'notifications-failing'],
];
const BICEP = 'infra/alerts.bicep';

/** The part of the page under a heading. */
function part(heading: string): string {
  const found = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`the page has no part '${heading}'`);
  return found;
}

/** The sections of a part, by the name that stands in each heading, with their text. */
function sectionsOf(heading: string): Map<string, string> {
  const sections = part(heading).split(/^### /m).slice(1);
  return new Map(sections.map((text) => [/^`([^`]+)`/.exec(text)?.[1] ?? text, text.slice(text.indexOf('\n'))]));
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

describe('the runbook', () => {
  it('has a section for each alert, and no other', () => {
    expect(sorted(sectionsOf('Alerts').keys())).toEqual(sorted(ALERTS));
  });

  it('has the alerts that are deployed', () => {
    const bicep = readFileSync(BICEP, 'utf8');
    const named = [...bicep.matchAll(/(?:slug: '|'alert-)([a-z][a-z-]*)'/g)].map(([, slug = '']) => slug);

    expect(sorted(new Set(named))).toEqual(sorted(ALERTS));
  });

  it('has a section for each reason of an entry, and no other', () => {
    expect(sorted(sectionsOf('Reasons of entries in `errors`').keys())).toEqual(sorted(KNOWN_REASONS));
  });

  it('has a section for each reason of a failed deployment, and no other', () => {
    const { enum: reasons } = Object(jsonSchemaOf(DeploymentFailed.schema))['properties'].reason;

    expect(reasons.length).toBeGreaterThan(5);
    expect(sorted(sectionsOf('Reasons of failed deployments').keys())).toEqual(sorted(reasons));
  });

  it('says something in every section', () => {
    for (const heading of ['Alerts', 'Reasons of entries in `errors`', 'Reasons of failed deployments']) {
      for (const [name, text] of sectionsOf(heading)) expect([name, text.trim().length > 10]).toEqual([name, true]);
    }
  });

  it('quotes log lines, functions and metrics that the code has', () => {
    const code = sourceFiles()
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const quoted = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
    const isOurs = (text: string): boolean =>
      /^platform_\w+$|^[a-z]+( [a-z]+)+$|^(read|replay|discard)-[a-z-]+$/.test(text);
    const isInCode = (text: string): boolean =>
      code.includes(`'${text}'`) || code.includes(`'${text.replace(/^platform_/, '')}'`);
    // Commands, and what Kubernetes prints.
    const checked = quoted.filter((text) => isOurs(text) && !/^(errors|npm|npx|kubectl) /.test(text));

    expect(checked.length).toBeGreaterThan(15);
    expect(checked.filter((text) => !isInCode(text))).toEqual([]);
  });

  it('names every timer function', () => {
    const names = readdirSync('functions/timer').map((file) => file.replace(/\.ts$/, ''));

    for (const name of names) expect(part('Timer functions')).toContain(`| \`${name}\``);
  });

  it('has only links that lead somewhere', () => {
    for (const [, target = ''] of page.matchAll(/\]\(([^)#]+)/g)) expect(existsSync(`docs/${target}`)).toBe(true);
    for (const [, file = ''] of page.matchAll(/`(infra\/[\w./-]+)`/g))
      expect([file, existsSync(file)]).toEqual([file, true]);
  });
});
