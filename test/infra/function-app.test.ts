/** The app that the templates make: its settings are those that the app and its host read, its functions those there are. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { jsonSchemaOf } from '../../shared/events/schemas.ts';
import { readSettings } from '../../shared/settings.ts';
import { HOST_SETTINGS, settingsSchema } from '../../shared/settings-schema.ts';
import { topology } from '../../shared/topology.ts';
import { resourceOf, resourcesOf } from '../support/snapshot.ts';

const settings = resourceOf('Microsoft.Web/sites/config').properties as Readonly<Record<string, string>>;
const site = resourceOf('Microsoft.Web/sites').properties;
const identity = resourceOf('Microsoft.ManagedIdentity/userAssignedIdentities').id;

/** What the parameters add, and what the probe needs. */
const MORE = ['HANDLER_TIMEOUT', 'HEALTH_WITHOUT_KEY'];

it('sets what the reference page says, and little more', () => {
  const members = jsonSchemaOf(settingsSchema)['properties'] as Record<string, { inAzure?: string }>;
  const documented = Object.entries({ ...members, ...HOST_SETTINGS }).filter(
    ([, { inAzure }]) => inAzure !== undefined,
  );

  expect(Object.keys(settings).sort()).toEqual([...documented.map(([name]) => name), ...MORE].sort());
});

it('says of each setting once who reads it', () => {
  expect(Object.keys(HOST_SETTINGS).filter((name) => name in settingsSchema.shape)).toEqual([]);
});

it('sets what the app starts with in Azure, and signs in as its identity everywhere', () => {
  // What Azure alone knows, as it would be.
  const evaluated = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      value
        .replace(/^\[reference\(.*\)\.primaryEndpoints\.(\w+)\]$/, 'https://shop.$1.core.windows.net/')
        .replace(
          /^\[reference\(.*\)\.ConnectionString\]$/,
          'InstrumentationKey=0;IngestionEndpoint=https://shop.example',
        )
        .replace(/^\[reference\(.*\)\.clientId\]$/, 'app')
        .replace(/^\[format\('(.*)\{0\}', reference\(.*\)\.clientId\)\]$/, '$1app'),
    ]),
  );
  expect(Object.values(evaluated).filter((value) => value.startsWith('['))).toEqual([]);

  const PLATFORM_CONFIG = join(mkdtempSync(join(tmpdir(), 'function-app-')), 'app.json');
  writeFileSync(
    PLATFORM_CONFIG,
    JSON.stringify({
      policies: { deployment: { registries: ['ghcr.io/shop'] } },
      clusters: { default: { namespaces: [{ namespace: 'shop', team: 'shop', environment: 'production' }] } },
    }),
  );

  const read = readSettings({ ...evaluated, PLATFORM_CONFIG, WEBSITE_SITE_NAME: 'func-shop' });

  const signIn = { credential: 'managedidentity', clientId: 'app' };
  expect(read.serviceBus).toEqual({ endpoint: settings['ServiceBus__fullyQualifiedNamespace'], ...signIn });
  expect(read.stateStore).toEqual({ endpoint: 'https://shop.table.core.windows.net/', ...signIn });
  expect(read).toMatchObject({ cluster: 'kubernetes', handlerTimeoutMs: 30_000 });
  const clientIds = Object.keys(settings).filter((name) => /client_?id$/i.test(name));
  expect(clientIds).toHaveLength(4);
  for (const name of clientIds) expect(settings[name]).toMatch(`reference('${identity}'`);
  for (const name of ['AzureWebJobsStorage', 'ServiceBus', 'StateStore']) {
    expect(settings[`${name}__credential`]).toBe('managedidentity');
  }
  expect(evaluated['APPLICATIONINSIGHTS_AUTHENTICATION_STRING']).toBe('Authorization=AAD;ClientId=app');
});

it('keeps the state in an account of its own', () => {
  const [host, state] = resourcesOf('Microsoft.Storage/storageAccounts').map(({ id }) => id);

  expect(settings['AzureWebJobsStorage__blobServiceUri']).toContain(`'${host}'`);
  expect(settings['StateStore__tableServiceUri']).toContain(`'${state}'`);
});

it('keeps an instance ready for HTTP, and for each function of a deployment when asked to', () => {
  const deployment = topology.topics.filter(({ name }) => name.startsWith('deployment-'));

  expect(site).toMatchObject({
    httpsOnly: true,
    functionAppConfig: {
      runtime: { name: 'node', version: '24' },
      scaleAndConcurrency: {
        instanceMemoryMB: 2_048,
        maximumInstanceCount: 40,
        alwaysReady: [
          { name: 'http', instanceCount: 1 },
          ...deployment
            .map(({ subscriptions }) => ({ name: `function:${subscriptions[0]?.name}`, instanceCount: 1 }))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
        ],
      },
      deployment: {
        storage: { authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity } },
      },
    },
  });
});

it('calls a person for what the runbook has a section for', () => {
  const alerts = [
    ...resourcesOf('Microsoft.Insights/metricAlerts'),
    ...resourcesOf('Microsoft.Insights/scheduledQueryRules'),
  ];
  const people = resourceOf('Microsoft.Insights/actionGroups').id;

  expect(alerts.map(({ name }) => name).sort()).toEqual(
    [
      ...['alert-backlog', 'alert-dead-letters', 'alert-errors-waiting', 'alert-notifications-failing'],
      ...['alert-oldest-message-age', 'alert-probe-failing', 'alert-server-errors', 'alert-throttled'],
    ].sort(),
  );
  for (const { properties } of alerts) {
    expect(properties).toMatchObject({ enabled: true });
    expect(JSON.stringify(properties['actions'])).toContain(people);
    expect(String(properties['description'])).toMatch(/\.$/);
  }
});
