/** What the templates let the app and other publishers do in Azure: this, and nothing more. */
import { describe, expect, it } from 'vitest';
import { ERRORS_QUEUE, topology } from '../../shared/topology.ts';
import { placeOf, resourceOf, resources, resourcesOf } from '../support/snapshot.ts';

const ASSIGNMENT = 'Microsoft.Authorization/roleAssignments';
const DEFINITION = 'Microsoft.Authorization/roleDefinitions';
const BUS = placeOf(resourceOf('Microsoft.ServiceBus/namespaces').id);
const IDENTITY = resourceOf('Microsoft.ManagedIdentity/userAssignedIdentities').id;
const CUSTOM = resourceOf(DEFINITION);

/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
const ROLES: Readonly<Record<string, string>> = {
  '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0': 'Azure Service Bus Data Receiver',
  '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39': 'Azure Service Bus Data Sender',
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3': 'Storage Table Data Contributor',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
  [CUSTOM.name]: 'entity reader',
};

/** `<role> on <place>` of everybody, by who it is: `app`, or an object id. */
function rights(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { id, properties } of resourcesOf(ASSIGNMENT)) {
    const { principalId, principalType, roleDefinitionId } = properties as Record<string, string>;
    expect(principalType).toBe('ServicePrincipal');
    const isApp = principalId?.includes(`'${IDENTITY}'`) && principalId.endsWith('.principalId]');
    const who = isApp ? 'app' : String(principalId);
    const role = ROLES[String(roleDefinitionId).split('/').at(-1) ?? ''] ?? roleDefinitionId;
    const place = placeOf(id).split(`/providers/${ASSIGNMENT}/`)[0] ?? '';
    found[who] = [...(found[who] ?? []), `${role} on ${place}`];
  }
  return Object.fromEntries(Object.entries(found).map(([who, list]) => [who, list.sort()]));
}

const found = rights();
const storage = resourcesOf('Microsoft.Storage/storageAccounts').map(({ id }) => placeOf(id));
const [hostStorage, stateStorage] = storage;

describe('the app', () => {
  it('may do what it does, where it does it, and nothing else', () => {
    const subscriptions = topology.topics.flatMap(({ name, subscriptions }) =>
      subscriptions.map((subscription) => `${BUS}/topics/${name}/subscriptions/${subscription.name}`),
    );
    const topics = topology.topics.map(({ name }) => `${BUS}/topics/${name}`);
    const errors = `${BUS}/queues/${ERRORS_QUEUE}`;
    const insights = placeOf(resourceOf('Microsoft.Insights/components').id);

    expect(found['app']).toEqual(
      [
        ...[...subscriptions, errors].map((place) => `Azure Service Bus Data Receiver on ${place}`),
        ...[...topics, errors].map((place) => `Azure Service Bus Data Sender on ${place}`),
        `entity reader on ${BUS}`,
        `Storage Blob Data Owner on ${hostStorage}`,
        `Storage Table Data Contributor on ${stateStorage}`,
        `Monitoring Metrics Publisher on ${insights}`,
      ].sort(),
    );
  });

  it('reads the entities of the namespace by a role that reads no message and changes nothing', () => {
    expect(CUSTOM.properties).toMatchObject({
      type: 'CustomRole',
      permissions: [
        {
          actions: ['Microsoft.ServiceBus/namespaces/*/read'],
          notActions: [],
          dataActions: [],
          notDataActions: [],
        },
      ],
    });
    expect(CUSTOM.properties['assignableScopes']).toEqual([
      resources.find(({ type }) => type === 'Microsoft.Resources/resourceGroups')?.id,
    ]);
  });
});

it('gives every publisher the right to send its events, each on its topic', () => {
  const { app: _, ...publishers } = found;

  expect(publishers).toEqual({
    '11111111-1111-1111-1111-111111111111': [`Azure Service Bus Data Sender on ${BUS}/topics/deployment-requested`],
    '22222222-2222-2222-2222-222222222222': [
      `Azure Service Bus Data Sender on ${BUS}/topics/health-check`,
      `Azure Service Bus Data Sender on ${BUS}/topics/resource-quota-exceeded`,
    ],
  });
});

it('gives nobody a key: no local authentication anywhere', () => {
  expect(resourceOf('Microsoft.ServiceBus/namespaces').properties).toMatchObject({
    disableLocalAuth: true,
    minimumTlsVersion: '1.2',
  });
  expect(storage).toHaveLength(2);
  for (const { properties } of resourcesOf('Microsoft.Storage/storageAccounts')) {
    expect(properties).toMatchObject({
      allowSharedKeyAccess: false,
      allowBlobPublicAccess: false,
      minimumTlsVersion: 'TLS1_2',
      supportsHttpsTrafficOnly: true,
    });
  }
  expect(resourceOf('Microsoft.Insights/components').properties).toMatchObject({ DisableLocalAuth: true });
  expect(resourceOf('Microsoft.OperationalInsights/workspaces').properties).toMatchObject({
    features: { disableLocalAuth: true },
  });
  const publishing = resourcesOf('Microsoft.Web/sites/basicPublishingCredentialsPolicies');
  expect(publishing.map(({ name, properties }) => [name.split('/').at(-1), properties['allow']])).toEqual([
    ['ftp', false],
    ['scm', false],
  ]);
  expect(resources.filter(({ type }) => /authorizationRules/i.test(type))).toEqual([]);
});
