/** What a change of the configuration is said to mean, and what is called wide. */
import { describe, expect, it } from 'vitest';
import { type ConfigChanges, changesBetween, isWider } from '../../../../shared/config/check/changes.ts';
import { wideEntries } from '../../../../shared/config/check/wide.ts';
import { parseConfig } from '../../../../shared/config.ts';

const shop = { namespace: 'shop', team: 'shop', environment: 'production' };
const team = { namespace: 'shop-*', team: 'shop', environment: 'development' };
const deployment = { registries: ['ghcr.io/acme'], namespaces: ['shop', 'shop-*'], replicas: { min: 1, max: 10 } };
const web = { name: 'web', objectives: [{ target: 0.99 }] };
const base = {
  unlisted: 'refuse',
  policies: { deployment, systemNamespaces: ['vault'] },
  services: [web],
  profiles: { production: {}, development: { podSecurity: 'baseline', quota: { pods: '5' }, quotaCap: { pods: '9' } } },
  clusters: { default: { namespaces: [shop, team] } },
};

const between = (old: object, now: object): ConfigChanges =>
  changesBetween(parseConfig({ ...base, ...old }), parseConfig({ ...base, ...now }));
const policies = (change: object, others: object = {}) => ({
  policies: { ...base.policies, deployment: { ...deployment, ...change }, ...others },
});
const profiles = (change: object) => ({
  profiles: { ...base.profiles, development: { ...base.profiles.development, ...change } },
});
const issuers = { ci: { issuer: 'https://ci.example', audience: 'platform' } };
const robot = { issuer: 'ci', claims: { sub: 'robot' }, rights: ['publish'], types: ['DeploymentRequested'] };
const topic = { type: 'DeploymentRequested', rights: ['override'], services: ['web'] };
const clusters = (fields: object) => ({ clusters: { default: fields } });
const channel = { format: 'slack', urlSetting: 'HOOK' };

/** A change, what it newly allows, and what it newly refuses when it is made the other way round. */
const widenings: [name: string, now: object, allows: RegExp][] = [
  ['an issuer', { access: { issuers } }, /^tokens of https:\/\/ci\.example \(ci\) for the audience 'platform'$/],
  [
    'topic senders',
    { access: { topics: [topic] } },
    /sends DeploymentRequested on its topic: override in services web$/,
  ],
  ['another registry', policies({ registries: ['ghcr.io/acme', 'quay.io/acme'] }), /^images from quay\.io\/acme$/],
  ['a wider registry', policies({ registries: ['ghcr.io'] }), /^images from ghcr\.io$/],
  ['another namespace', policies({ namespaces: ['shop', 'shop-*', 'ops'] }), /^deployments to namespaces ops$/],
  ['fewer production names', policies({ productionNamespaces: ['prod'] }), /images in namespaces \*-production$/],
  ['more replicas', policies({ replicas: { min: 1, max: 20 } }), /^more than 10 replicas$/],
  ['fewer replicas', policies({ replicas: { min: 0, max: 10 } }), /^fewer than 1 replicas$/],
  ['fewer system namespaces', policies({}, { systemNamespaces: [] }), /^any change in namespaces vault$/],
  ['a namespace', clusters({ namespaces: [shop, team, { ...team, namespace: 'ops' }] }), /^default\/ops: team shop/],
  ['another team', clusters({ namespaces: [shop, { ...team, team: 'x' }] }), /^default\/shop-\*: team x, development/],
  ['another profile', clusters({ namespaces: [{ ...shop, profile: 'development' }, team] }), /profile development$/],
  ['a take-over', clusters({ namespaces: [{ ...shop, adopt: true }, team] }), /^taking over default\/shop where/],
  ['a baseline', clusters({ baseline: { namespaces: [shop] }, namespaces: [team] }), /^making default\/shop with/],
  ['a lower Pod Security', profiles({ podSecurity: 'privileged' }), /^profile development: pods that the level 'priv/],
  ['another group', profiles({ group: 'everybody' }), /the group 'everybody' gets the ClusterRole 'edit'$/],
  ['another role', profiles({ clusterRole: 'admin' }), /the group '\{team\}' gets the ClusterRole 'admin'$/],
  ['a larger quota', profiles({ quota: { pods: '7' } }), /^profile development: more than 5 pods$/],
  ['no quota', profiles({ quota: {} }), /^profile development: more than 5 pods$/],
  ['a higher cap', profiles({ quotaCap: { pods: '10' } }), /^profile development: raising pods up to 10$/],
  [
    'rollbacks by pages',
    { services: [{ ...web, objectives: [{ target: 0.99, rollbackOnPage: 'act' }] }] },
    /^rolling back releases of web/,
  ],
];

describe('a change', () => {
  it.each(widenings)('to %s is said to allow it, and the way back to refuse it', (_, now, allows) => {
    const wider = between({}, now);
    const back = between(now, {});

    expect(wider.allows.filter((text) => allows.test(text))).toHaveLength(1);
    expect(isWider(wider)).toBe(true);
    expect(back.refuses.filter((text) => allows.test(text))).toHaveLength(1);
  });

  it('to nothing is nothing', () => {
    const nothing = { allows: [], refuses: [], freezes: [], calls: [], ends: [], other: [] };

    expect(between({}, {})).toEqual(nothing);
    expect(isWider(nothing)).toBe(false);
  });

  it('that only narrows is not wider', () => {
    const changes = between({}, policies({ registries: ['ghcr.io/acme/web'], replicas: { min: 1, max: 9 } }));

    expect(changes).toMatchObject({ allows: [], refuses: ['more than 9 replicas', 'images from ghcr.io/acme'] });
    expect(isWider(changes)).toBe(false);
  });

  it('of an objective freezes something else; one less is wider, since nothing freezes any more', () => {
    const stricter = between({}, { services: [{ name: 'web', objectives: [{ target: 0.999 }] }] });
    const none = between({}, { services: [] });

    expect(stricter.freezes).toEqual(['releases of web (*/*/web) when its availability of 0.999 in 30d is spent']);
    expect(none.ends).toEqual(['freezes releases of web (*/*/web) when its availability of 0.99 in 30d is spent']);
    expect([isWider(stricter), isWider(none)]).toEqual([true, true]);
  });

  it('of a rule says what it newly allows, and what of the old one no longer', () => {
    const rules = (rule: object): object => ({ access: { issuers, rules: [{ ...robot, ...rule }] } });
    const text = (where: string): string => `ci with sub=robot: publish DeploymentRequested${where}`;

    const changes = between(rules({ namespaces: ['shop'] }), rules({ name: 'all' }));

    expect(changes).toMatchObject({ allows: [text('')], refuses: [text(' in namespaces shop')], other: [] });
    expect(between(rules({ name: 'one' }), rules({ name: 'other' })).allows).toEqual([]);
  });

  it('to a list of topic senders, or to none of it, is wider or not by what stands there without', () => {
    const open = { unlisted: 'allow' };
    const listed = { access: { topics: [topic] } };

    expect(between({ ...open, ...listed }, open).allows).toEqual([
      'whoever sends on a topic: anything, since access.topics is absent',
    ]);
    expect(isWider(between(open, { ...open, ...listed }))).toBe(false);
    expect(isWider(between({}, listed))).toBe(true);
    expect(isWider(between(listed, {}))).toBe(false);
  });

  it('of channels and clusters says what is called, without its address', () => {
    const server = 'https://canary.example';
    const changes = between(
      {},
      { notifications: { channels: [channel] }, ...clusters({ ...base.clusters.default, server }) },
    );

    expect(changes.calls).toEqual([
      'the address in HOOK (slack) with info, warning, critical of all teams',
      'cluster default (server)',
    ]);
    expect(JSON.stringify(changes)).not.toContain('canary');
  });

  it.each([
    ['a deadline', policies({ deadline: '5m' }), 'policies.deployment.deadline'],
    [
      'limits',
      profiles({ limits: { default: { cpu: '1', memory: '512Mi' } } }),
      'profiles.development.limits.default.cpu',
    ],
    ['the team of a service', { services: [{ ...web, team: 'shop' }] }, 'services.web.team'],
    [
      'the order of patterns',
      clusters({ namespaces: [shop, { ...team, namespace: '*-eu' }, team] }),
      'the order of clusters.default.namespaces',
    ],
  ])('of %s that nothing else speaks of is named', (_, now, path) => {
    const both = clusters({ namespaces: [shop, team, { ...team, namespace: '*-eu' }] });

    expect(between(path.includes('order') ? both : {}, now).other).toEqual([path]);
  });
});

describe('what is wide', () => {
  const wide = (change: object): string[] => [...wideEntries(parseConfig({ ...base, ...change }))];
  const needless = /RBAC knows no patterns/;

  it.each([
    ['any registry', policies({ registries: ['*'] }), "policies.deployment.registries.0: '*' lets any image"],
    ['a registry for everybody', policies({ registries: ['docker.io'] }), "anybody may push to 'docker.io'"],
    ['any namespace', clusters({ namespaces: [{ ...team, namespace: '*' }] }), 'lists every namespace there is'],
    ['a pattern to adopt', clusters({ namespaces: [{ ...team, adopt: true }] }), "'shop-*' with adopt takes over"],
    ['privileged pods', profiles({ podSecurity: 'privileged' }), "'privileged' lets pods take over their node"],
    ['an administrator', profiles({ clusterRole: 'cluster-admin' }), "'cluster-admin' lets a team give rights"],
    ['one group for all', profiles({ group: 'dev' }), "'dev' gets the rights of every team"],
    ["Kubernetes' own group", profiles({ group: 'system:authenticated' }), 'is a group of Kubernetes itself'],
    [
      'a lax production',
      clusters({ namespaces: [{ ...shop, profile: 'development' }] }),
      "Pod Security level 'baseline'",
    ],
    [
      'topics whose senders pass every freeze',
      { access: { topics: [{ ...topic, services: ['*'] }] } },
      'access.topics.0: whoever may send DeploymentRequested on its topic passes every freeze',
    ],
    [
      'a rule for everything',
      { access: { issuers, rules: [{ ...robot, types: ['*'] }] } },
      'access.rules.0: publishes everything for everybody',
    ],
    ['patterns', {}, 'RBAC knows no patterns, so shop-* take rights in the whole cluster'],
    [
      'a namespace of two teams',
      clusters({ namespaces: [team, { ...team, namespace: '*-eu', team: 'eu' }] }),
      "both 'shop-*' and '*-eu' is of team shop, not eu",
    ],
    [
      'a cluster without namespaces',
      { clusters: { ...base.clusters, north: {} } },
      'clusters.north: no namespaces: nothing is allowed there',
    ],
  ])('is %s', (_, change, text) => {
    expect(wide(change).filter((one) => one.includes(text))).toHaveLength(1);
  });

  it('is nothing of what is listed by name', () => {
    expect(wide({}).filter((text) => !needless.test(text))).toEqual([]);
    expect(wide({ access: { issuers, rules: [robot], topics: [topic] } }).filter((it) => !needless.test(it))).toEqual(
      [],
    );
    expect(wide(clusters({ namespaces: [shop] }))).toEqual([]);
  });
});
