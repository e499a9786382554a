/** The manifests of the rights that the app needs; on a real API server: `test/contract/roles.kubernetes.test.ts`. */
import { readFileSync } from 'node:fs';
import { loadAllYaml, type V1ClusterRole, type V1Role } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { rolesFor, type Subject } from '../../../shared/clusters/roles.ts';
import { parseConfig } from '../../../shared/config.ts';
import { NotFoundError } from '../../../shared/errors.ts';

const root = new URL('../../../', import.meta.url);
const subject: Subject = { kind: 'ServiceAccount', namespace: 'ops', name: 'app' };
const entry = { team: 'shop', environment: 'staging' };

const configOf = (...names: string[]) =>
  parseConfig({
    profiles: { staging: { clusterRole: 'edit' }, gold: { clusterRole: 'null' } },
    clusters: { default: {}, north: { namespaces: names.map((namespace) => ({ namespace, ...entry })) } },
  });

function objectsOf(manifests: string): string[] {
  return loadAllYaml(manifests).map(({ kind, metadata }) => `${kind} ${metadata?.namespace ?? ''}`.trim());
}

describe('the rights of the app', () => {
  it('are a Role in each namespace that is named, and a ClusterRole for just these namespaces', () => {
    const manifests = rolesFor(configOf('shop', 'on'), 'north', { subject, isClusterWide: false });

    expect(objectsOf(manifests)).toEqual([
      ...['ClusterRole', 'ClusterRoleBinding', 'Role on', 'RoleBinding on', 'Role shop', 'RoleBinding shop'],
    ]);
    const [role, binding, inside] = loadAllYaml(manifests) as [V1ClusterRole, object, V1Role];
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['namespaces'], resourceNames: ['on', 'shop'], verbs: ['get', 'create', 'patch'] },
    ]);
    expect(binding).toMatchObject({ subjects: [subject], roleRef: { kind: 'ClusterRole', name: 'platform-events' } });
    expect(inside.rules).toContainEqual({
      ...{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'] },
      ...{ resourceNames: ['edit', 'null'], verbs: ['bind'] },
    });
    expect(inside.rules?.flatMap(({ resources }) => resources)).not.toContain('namespaces');
  });

  it.each([
    ['a pattern', ['shop', 'team-*'], false, 'RBAC knows no patterns, and the configuration has team-*'],
    ['being told', ['shop'], true, 'also where the configuration allows nothing'],
  ])('are cluster-wide for %s, and say what that amounts to', (_, names, isClusterWide, why) => {
    const manifests = rolesFor(configOf(...names), 'north', { subject, isClusterWide });

    expect(objectsOf(manifests)).toEqual(['ClusterRole', 'ClusterRoleBinding']);
    const said = manifests.replaceAll('\n# ', ' ');
    expect(said).toContain(why);
    expect(said).toContain('WHOEVER ACTS AS THIS APP IS AN ADMINISTRATOR OF THE CLUSTER');
  });

  it('never are over secrets, to change pods, or over rights but the one binding of guardrails, and delete nothing else', () => {
    const manifests = rolesFor(configOf('team-*'), 'north', { subject, isClusterWide: true });
    const [role] = loadAllYaml(manifests) as [V1ClusterRole];

    for (const { resources, verbs, resourceNames } of role.rules ?? []) {
      expect(['secrets', 'serviceaccounts', '*']).not.toContain(resources?.[0]);
      if (resources?.includes('pods')) expect([resources, verbs]).toEqual([['pods'], ['list']]);
      expect(verbs).not.toContain('*');
      if (verbs.includes('delete')) expect([resources, resourceNames]).toEqual([['rolebindings'], ['platform']]);
      if (verbs.some((verb) => ['bind', 'escalate', 'impersonate'].includes(verb))) {
        expect([verbs, resourceNames]).toEqual([['bind'], ['edit', 'null']]);
      }
    }
  });

  it.each([
    ['a cluster that is not configured', 'south', "unknown cluster 'south'; known: default, north"],
    ['the name of a method', 'constructor', 'unknown cluster'],
    ['a cluster without namespaces', 'default', "cluster 'default' has no namespaces"],
  ])('are none for %s', (_, cluster, message) => {
    const roles = (): string => rolesFor(configOf('shop'), cluster, { subject, isClusterWide: false });

    expect(roles).toThrow(NotFoundError);
    expect(roles).toThrow(message);
  });

  it('for the whole cluster, with the configuration that is shipped, are in infra/', () => {
    const config = parseConfig(JSON.parse(readFileSync(new URL('platform.config.json', root), 'utf8')));
    const nobody: Subject = { kind: 'User', name: '00000000-0000-0000-0000-000000000000' };
    const written = readFileSync(new URL('infra/cluster-role.yaml', root), 'utf8').replaceAll('\r\n', '\n');

    expect(written).toBe(`${rolesFor(config, 'default', { subject: nobody, isClusterWide: true })}\n`);
  });
});
