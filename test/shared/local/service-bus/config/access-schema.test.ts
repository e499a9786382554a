/** Authorization rules and identities in a `Config.json`, beside what the official emulator reads. */
import { describe, expect, it } from 'vitest';
import { readEmulatorConfig } from '../../../../../shared/local/service-bus/config/emulator-config.ts';

const RULE = { Name: 'sender', PrimaryKey: 'one', SecondaryKey: 'two', Rights: ['Send'] };
const read = (namespace: object, strict = false) =>
  readEmulatorConfig(JSON.stringify({ UserConfig: { Namespaces: [{ Name: 'sbemulatorns', ...namespace }] } }), {
    strict,
  });

describe('a Config.json', () => {
  it('has authorization rules for the namespace, for queues and for topics, and identities with roles', () => {
    const role = { Role: 'Azure Service Bus Data Sender', Scope: 'q' };
    const { plan, warnings } = read({
      AuthorizationRules: [{ Name: 'listener', Rights: ['Listen'] }],
      Identities: [{ ClientId: 'api', Roles: [role] }, { Roles: [] }],
      Queues: [{ Name: 'q', AuthorizationRules: [RULE] }],
      Topics: [{ Name: 't', AuthorizationRules: [RULE] }, { Name: 'bare' }],
    });

    const rules = [{ name: 'sender', primaryKey: 'one', secondaryKey: 'two', rights: ['Send'] }];
    expect(plan.authorizationRules).toEqual([{ name: 'listener', primaryKey: 'SAS_KEY_VALUE', rights: ['Listen'] }]);
    expect(plan.identities).toEqual([
      { clientId: 'api', roles: [{ role: 'Azure Service Bus Data Sender', scope: 'q' }] },
      { clientId: undefined, roles: [] },
    ]);
    expect(plan.queues[0]?.properties.authorizationRules).toEqual(rules);
    expect(plan.topics.map(({ properties }) => properties.authorizationRules)).toEqual([rules, undefined]);
    expect(warnings).toEqual([]);
  });

  it.each([
    [{ AuthorizationRules: [{ ...RULE, Rights: ['Write'] }] }, 'AuthorizationRules.0.Rights.0'],
    [{ AuthorizationRules: [RULE, RULE] }, 'AuthorizationRules.1.Name: expected a unique name'],
    [{ AuthorizationRules: [{ ...RULE, Rights: ['Manage'] }] }, 'Rights: expected Listen and Send too'],
    [{ AuthorizationRules: [{ ...RULE, Rights: [] }] }, 'AuthorizationRules.0.Rights'],
    [{ Queues: [{ Name: 'q', AuthorizationRules: [{ Rights: ['Send'] }] }] }, 'Queues.0.AuthorizationRules.0.Name'],
    [{ Identities: [{ Roles: [{ Role: 'Owner' }] }] }, 'Identities.0.Roles.0.Role'],
  ])('is refused with %j', (namespace, path) => {
    expect(() => read(namespace)).toThrow(path);
  });

  it('is told with --strict that the emulator has none of it', () => {
    expect(() => read({ AuthorizationRules: [RULE] }, true)).toThrow('AuthorizationRules');
    expect(() => read({ Queues: [{ Name: 'q', AuthorizationRules: [RULE] }] }, true)).toThrow('AuthorizationRules');
    expect(() => read({ Identities: [] }, true)).toThrow('Identities');
  });
});
