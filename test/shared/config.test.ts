import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../shared/config.ts';
import { ConfigError } from '../../shared/errors.ts';

function refusal(config: unknown): string {
  try {
    parseConfig(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const namespace = { namespace: 'shop', team: 'shop', environment: 'staging' };
const baseline = (...namespaces: unknown[]) => ({ clusters: { default: { baseline: { namespaces } } } });
const promising = (...objectives: object[]) => ({
  services: [{ name: 'web', objectives: objectives.map((fields) => ({ target: 0.999, ...fields })) }],
});
const serving = (...workloads: string[]) => ({ services: [{ name: 'web', workloads }] });

describe('platform.config.json', () => {
  it('may be empty', () => {
    const config = parseConfig({});

    expect(Object.keys(config.profiles)).toEqual(['production', 'staging', 'development']);
    expect(Object.keys(config.clusters)).toEqual(['default']);
  });

  it('may give neighbouring workloads to two services', () => {
    const [web, shop] = [
      ['*/shop/web', '*/*/web-*'],
      ['*/shop/worker', 'default/*/webs'],
    ];

    const { services } = parseConfig({
      services: [
        { name: 'web', workloads: web },
        { name: 'shop', workloads: shop },
      ],
    });

    expect(services.map(({ workloads }) => workloads)).toEqual([web, shop]);
  });

  it.each([
    ['an objective of 100 %', promising({ target: 1 }), 'services.0.objectives.0.target', '1'],
    ['an objective of 0 %', promising({ target: 0 }), 'services.0.objectives.0.target', '0'],
    ['no failure as evidence', promising({ minFailures: 0 }), 'services.0.objectives.0.minFailures', '0'],
    ['half a failure', promising({ minFailures: 2.5 }), 'services.0.objectives.0.minFailures', '2.5'],
    ['an objective over a week', promising({ window: '7d' }), 'services.0.objectives.0.window', '"7d"'],
    ['a rollback that is neither', promising({ rollbackOnPage: true }), "'off', 'observe' or 'act'", 'true'],
    [
      'an objective said twice',
      promising({}, {}),
      'services.0.objectives.1.slo',
      "one objective 'availability' for web",
    ],
    [
      'objectives outside of services',
      { objectives: [{ service: 'web', target: 0.999 }] },
      'objectives: expected no objectives here: each is in the `objectives` of its service in `services`',
      'an array',
    ],
    ['a service said twice', { services: [{ name: 'web' }, { name: 'web' }] }, 'services.1.name', '"web"'],
    [
      'a workload of two services',
      {
        services: [
          { name: 'web', workloads: ['*/shop-*/web'] },
          { name: 'shop', workloads: ['*/a/a', '*/*-eu/*'] },
        ],
      },
      "services.1.workloads.1: expected workloads of no other service (*/*-eu/* and */shop-*/web of 'web' have some in common)",
      '"*/*-eu/*"',
    ],
    [
      'the workload that another service has by default',
      { services: [{ name: 'web', workloads: ['default/shop/*'] }, { name: 'shop' }] },
      "services.1.name: expected workloads of no other service (*/*/shop and default/shop/* of 'web' have some in common)",
      '"shop"',
    ],
    ['a workload without a cluster', serving('shop/web'), 'services.0.workloads.0', '"shop/web"'],
    ['a workload of no possible name', serving('*/Shop/web'), 'services.0.workloads.0', '"*/Shop/web"'],
    [
      'workloads in no cluster of the configuration',
      serving('default/shop/web', 'prod-*/shop/web'),
      'services.0.workloads.1: expected a pattern that a cluster of the configuration fits (default)',
      '"prod-*/shop/web"',
    ],
    [
      'an objective for no cluster of the configuration',
      promising({ clusters: ['default', 'prod'] }),
      'services.0.objectives.0.clusters.1: expected a pattern that a cluster of the configuration fits (default)',
      '"prod"',
    ],
    ['an objective for no cluster at all', promising({ clusters: [] }), 'services.0.objectives.0.clusters', 'an array'],
    [
      'a namespace of no possible name',
      promising({ namespaces: ['a_b'] }),
      'services.0.objectives.0.namespaces.0',
      '"a_b"',
    ],
    [
      'a profile that does not exist',
      baseline({ ...namespace, profile: 'gold' }),
      'clusters.default.baseline.namespaces.0.profile: expected one of the profiles (production, staging, development)',
      '"gold"',
    ],
    [
      "an environment's profile that does not exist",
      { profiles: { gold: {} }, ...baseline(namespace) },
      'clusters.default.baseline.namespaces.0.environment: expected one of the profiles (gold)',
      '"staging"',
    ],
    [
      'a namespace named twice',
      baseline(namespace, namespace),
      'clusters.default.baseline.namespaces.1.namespace',
      '"shop"',
    ],
    ...['kube-*', 'argocd', 'istio-system', 'tools'].map((name): [string, object, string, string] => [
      `the system namespace ${name} in a list`,
      {
        policies: { systemNamespaces: ['too*'] },
        clusters: { default: { namespaces: [{ ...namespace, namespace: name }] } },
      },
      'clusters.default.namespaces.0.namespace: expected no system namespace',
      `"${name}"`,
    ]),
    [
      'a policy for a system namespace',
      { policies: { deployment: { namespaces: ['shop', 'kube-system'] } } },
      'policies.deployment.namespaces.1: expected no system namespace',
      '"kube-system"',
    ],
    [
      'a production name that is said to be something else',
      baseline({ ...namespace, namespace: 'shop-prod' }),
      "clusters.default.baseline.namespaces.0.environment: expected production: 'shop-prod' fits",
      '"staging"',
    ],
    [
      'a name that is in the baseline and beside it',
      { clusters: { default: { baseline: { namespaces: [namespace] }, namespaces: [namespace] } } },
      'clusters.default.namespaces.0.namespace: expected each namespace once',
      '"shop"',
    ],
    [
      'a pattern that another covers',
      { clusters: { default: { namespaces: ['shop-*', 'shop-eu-*'].map((it) => ({ ...namespace, namespace: it })) } } },
      "clusters.default.namespaces.1.namespace: expected a pattern that 'shop-*' before it does not cover",
      '"shop-eu-*"',
    ],
    [
      'nothing listed where nothing unlisted is allowed',
      { unlisted: 'refuse', clusters: { default: {}, north: {} } },
      'clusters.north.namespaces: expected the namespaces that may be deployed to',
      'got nothing',
    ],
    ...[
      'https://ghcr.io',
      '*.example.com',
      'ghcr.io/acme:1',
      'ghcr.io/*/web',
      'ghcr.io/Acme',
      'ghcr.io//a',
      'a b',
      '',
    ].map((it): [string, object, string, string] => [
      `'${it}' as a registry`,
      { policies: { deployment: { registries: ['ghcr.io', it] } } },
      'policies.deployment.registries.1: expected a registry, a registry and path',
      `"${it}"`,
    ]),
    ...[`x@x:000`, `ghcr.io/web@sha256:${'0'.repeat(64)}`].map((it): [string, object, string, string] => [
      'a digest in a registry',
      { policies: { deployment: { registries: [it] } } },
      'policies.deployment.registries.0',
      it.slice(0, 20),
    ]),
    ...['Shop', 'shop_*', 'a/b', '', '-a'].map((it): [string, object, string, string] => [
      `'${it}' as a namespace`,
      { policies: { deployment: { productionNamespaces: [it] } } },
      "policies.deployment.productionNamespaces.0: expected a name in lower case, in which '*'",
      `"${it}"`,
    ]),
    [
      "a namespace of Kubernetes' own",
      baseline({ ...namespace, namespace: 'kube-system' }),
      'clusters.default.baseline.namespaces.0.namespace',
      '"kube-system"',
    ],
    [
      'two ways to reach a cluster',
      { clusters: { default: { kubeconfig: 'a', server: 'https://a.example' } } },
      'clusters.default.server: expected nothing beside kubeconfig',
      'a string (not shown',
    ],
    [
      'a context without a kubeconfig',
      { clusters: { default: { inCluster: true, context: 'a' } } },
      'clusters.default.context: expected nothing beside inCluster',
      '"a"',
    ],
    [
      'a certificate authority without a server',
      { clusters: { default: { certificateAuthority: 'ca.pem' } } },
      'clusters.default.certificateAuthority: expected a server beside it',
      'a string (not shown',
    ],
    [
      'a server without TLS',
      { clusters: { default: { server: 'http://a.example' } } },
      'clusters.default.server: expected an https address',
      'a string (not shown',
    ],
    [
      'a setting that cannot be one',
      { notifications: { channels: [{ format: 'slack', urlSetting: 'MY HOOK' }] } },
      'notifications.channels.0.urlSetting: expected the name of a setting',
      'a string (not shown',
    ],
    [
      'a quantity that does not parse',
      { profiles: { staging: { quota: { pods: 'many' } } } },
      'profiles.staging.quota.pods: expected a Kubernetes quantity',
      '"many"',
    ],
    [
      'a cap below its quota',
      { profiles: { staging: { quota: { 'requests.memory': '2Gi' }, quotaCap: { 'requests.memory': '2G' } } } },
      'profiles.staging.quotaCap.requests.memory: expected at least the quota of 2Gi',
      '"2G"',
    ],
    ['a step that raises nothing', { profiles: { staging: { quotaStep: 1 } } }, 'profiles.staging.quotaStep', '1'],
    [
      'replica bounds the wrong way round',
      { policies: { deployment: { replicas: { min: 5, max: 3 } } } },
      'policies.deployment.replicas.max: expected at least the minimum of 5',
      '3',
    ],
    ['a field that is misspelt', { objectivs: [] }, 'objectivs: expected no field of this name', 'an array'],
  ])('with %s is refused, and the error names path and value', (_, config, where, value) => {
    const message = refusal(config);

    expect(message).toContain('platform.config.json: ');
    expect(message).toContain(where);
    expect(message).toContain(value);
  });

  const cluster = (fields: object) => ({ clusters: { default: fields } });
  const channel = (fields: object) => ({ notifications: { channels: [{ format: 'slack', ...fields }] } });
  it.each([
    ['a password in the server', cluster({ server: 'https://me:hunter2@a.example' }), 'clusters.default.server'],
    ['a token in the server', cluster({ server: 'https://a.example?token=hunter2' }), 'clusters.default.server'],
    ['a server as an object', cluster({ server: { token: 'hunter2' } }), 'clusters.default.server'],
    ['a kubeconfig in the place of its path', cluster({ kubeconfig: 'users:\n- token: hunter2' }), 'kubeconfig'],
    ['a certificate in the place of its path', cluster({ certificateAuthority: '{hunter2' }), 'certificateAuthority'],
    ['a field that a cluster has not', cluster({ token: 'hunter2' }), 'clusters.default.token'],
    ['a text for a cluster', { clusters: { default: 'hunter2' } }, 'clusters.default'],
    ['an address for its setting', channel({ urlSetting: 'https://x.example/hunter2' }), 'channels.0.urlSetting'],
    ['a field that a channel has not', channel({ urlSetting: 'A', url: 'https://x/hunter2' }), 'channels.0.url'],
    ['a text for a channel', { notifications: { channels: ['hunter2'] } }, 'notifications.channels.0'],
    ['an object for a text', { services: [{ name: 'web', team: { a: 'hunter2' } }] }, 'services.0.team'],
    ['a key in the base address', { notifications: { baseUrl: 'https://a?code=hunter2' } }, 'notifications.baseUrl'],
    ['a password in the base address', { notifications: { baseUrl: 'https://me:hunter2@a' } }, 'notifications.baseUrl'],
    ['a text for the whole', 'hunter2', 'platform.config.json: '],
  ])('with %s is refused, and the error names the path alone', (_, config, where) => {
    const message = refusal(config);

    expect(message).toContain(where);
    expect(message).toContain('not shown');
    expect(message).not.toContain('hunter2');
  });
});
