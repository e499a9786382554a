/** The page on deploying names what the templates have. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { topology } from '../../shared/topology.ts';
import { resourcesOf } from '../support/snapshot.ts';

const page = readFileSync('docs/deploying.md', 'utf8');
const template = readFileSync('infra/main.bicep', 'utf8');
const parameters = [...template.matchAll(/^param (\w+) \S+(?: = '?([\w-]+)'?)?/gm)].map(([, name = '', value]) => ({
  name,
  value,
}));

it.each(parameters)('says what the parameter $name is for, and its default', ({ name, value }) => {
  const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``)) ?? '';

  expect(row).not.toBe('');
  if (value !== undefined) expect(row.split('|')[2]).toContain(`\`${value}\``);
});

it('names the types that only the app may send', () => {
  for (const { type, sender } of topology.topics) {
    if (sender === 'app') expect(page).toContain(`\`${type}\``);
  }
});

it('counts the alerts, and the functions of a deployment that may be always ready', () => {
  const alerts = ['metricAlerts', 'scheduledQueryRules'].flatMap((type) => resourcesOf(`Microsoft.Insights/${type}`));

  expect(alerts).toHaveLength(8);
  expect(page).toContain('eight alerts');
  expect(topology.topics.filter(({ name }) => name.startsWith('deployment-'))).toHaveLength(5);
  expect(page).toContain('the five functions of a deployment');
});
