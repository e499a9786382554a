/** What the app registers with the host: who may call what, and what each trigger listens to. */
import { readdir } from 'node:fs/promises';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { usePorts } from '../../shared/app-ports.ts';
import { ASSUMED } from '../../shared/cli/cost/usage.ts';
import { catalog } from '../../shared/events/catalog.ts';
import { registeredRoutes } from '../../shared/http/on-http.ts';
import { installCoreModule } from '../../shared/local/functions-host/core-module.ts';
import { methodsOf, httpPathOf as pathOf } from '../../shared/local/functions-host/http-trigger.ts';
import { parseSchedule } from '../../shared/local/functions-host/timer-schedule.ts';
import { loadHandlers } from '../../shared/local/testing/load-handlers.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { SETTINGS } from '../../shared/settings.ts';
import { routeOf } from '../../shared/topology.ts';
import { type FunctionApp, functionApp } from '../support/function-app.ts';

let starting: Promise<FunctionApp>;
let app: FunctionApp;

beforeAll(() => {
  installCoreModule();
  usePorts({ portsFor: () => ({}) as Ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
  starting = functionApp(async () => {
    await loadHandlers();
    for (const room of ['http', 'timer']) {
      const folder = new URL(`../../functions/${room}/`, import.meta.url);
      for (const name of await readdir(folder)) await import(new URL(name, folder).href);
    }
  });
  // Each test fails for it; a hook that fails skips them.
  starting.catch(() => {});
});
beforeEach(async () => {
  app = await starting;
});

/** Every function of one kind of trigger. */
function ofKind(type: string): string[] {
  return app.names.filter((name) => app.bindingOf(name).type === type).sort();
}

it('answers these requests, and nobody without a key', () => {
  const table = ofKind('httpTrigger').flatMap((name) => {
    const binding = app.bindingOf(name);
    const path = `/${pathOf({ name, binding: { ...binding, name } }, 'api')}`;
    return methodsOf(binding).map((method) => `${method} ${path} → ${name}, ${String(binding['authLevel'])}`);
  });

  expect(table.sort()).toEqual(
    [
      'GET /api/automation → automation, function',
      'POST /api/automation → switch-automation, function',
      'GET /api/audit → audit, function',
      'GET /api/dashboard/{*page} → dashboard, function',
      'POST /api/dashboard/{*page} → dashboard-acts, function',
      'GET /api/deployments → deployments, function',
      'GET /api/errors → errors, function',
      'GET /api/errors/{sequenceNumber} → error, function',
      'DELETE /api/errors/{sequenceNumber} → discard, function',
      'POST /api/errors/{sequenceNumber}/replay → replay, function',
      'GET /api/events → history, function',
      'GET /api/explain → explain, function',
      'POST /api/events → publish, function',
      'GET /api/health → health, function',
      'GET /api/metrics → metrics, function',
      'GET /api/openapi.json → openapi, function',
      'GET /api/services → services, function',
      'POST /api/deployments/{cluster}/{namespace}/{deployment}/rollback → rollback, function',
      'POST /api/services/{service}/override → override, function',
      'POST /api/services/{service}/unfreeze → unfreeze, function',
    ].sort(),
  );
});

it('lets nobody ask without a key, but health where a setting says so', () => {
  const open = registeredRoutes().filter(({ anonymousSetting }) => anonymousSetting);

  expect(open.map(({ name, anonymousSetting }) => [name, anonymousSetting])).toEqual([
    ['health', 'HEALTH_WITHOUT_KEY'],
  ]);
  for (const { anonymousSetting = '' } of open) expect(SETTINGS).toContain(anonymousSetting);
});

it('documents every route that it answers', () => {
  expect(
    registeredRoutes()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(ofKind('httpTrigger'));
});

it('says in words what each route is for and answers, and loads the schemas of those that answer JSON', async () => {
  for (const { name, description, answers, query = {}, schemas } of registeredRoutes()) {
    const words = [description, ...Object.values(answers), ...Object.values(query)];
    for (const text of words) expect(text, name).toMatch(/^[A-Z`].*\.$/s);
    expect(
      Object.keys(answers).some((status) => /^[23]/.test(status)),
      name,
    ).toBe(true);
    if (schemas) expect(await schemas(), name).toBeTypeOf('object');
  }
});

it('listens to one subscription for each event of the catalog, each under its name', () => {
  const listening = ofKind('serviceBusTrigger').map((name) => {
    const { connection, topicName, subscriptionName, cardinality } = app.bindingOf(name);
    return { name, connection, topicName, subscriptionName, cardinality };
  });

  const expected = [...catalog.keys()].map((type) => {
    const { topic, subscription } = routeOf(type) ?? {};
    const where = { topicName: topic, subscriptionName: subscription };
    return { name: subscription, connection: 'ServiceBus', ...where, cardinality: 'one' };
  });
  expect(listening).toEqual(expected.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1)));
});

it('runs by these schedules, each of which the local host can read', () => {
  const schedules = ofKind('timerTrigger').map((name) => [name, app.bindingOf(name)['schedule']]);

  expect(schedules).toEqual([
    ['discard-old-errors', '0 7 * * * *'],
    ['notice-put-backs', '20 */2 * * * *'],
    ['notice-silence', '45 * * * * *'],
    ['read-queues', '0 * * * * *'],
    ['replay-unjudged', '30 * * * * *'],
    ['take-measurements', '15 * * * * *'],
  ]);
  const runsAMinute: Readonly<Record<string, number>> = { '*': 1, '*/2': 0.5, '7': 0 };
  const minutes = schedules.map(([, schedule]) => runsAMinute[String(schedule).split(' ')[1] ?? ''] ?? Number.NaN);
  expect(minutes.reduce((sum, runs) => sum + runs)).toBe(ASSUMED.timersPerMinute);
  for (const [name, schedule] of schedules) expect(() => parseSchedule(String(name), schedule)).not.toThrow();
});

it('has no trigger of another kind', () => {
  const kinds = ['httpTrigger', 'serviceBusTrigger', 'timerTrigger'].flatMap(ofKind);
  expect(kinds.sort()).toEqual([...app.names].sort());
});
