/** Kubeconfigs full of canaries, each of which leads to a failure of its own. */
import { canary } from './canaries.ts';
import { WAYS } from './hostile-server.ts';

const NOBODY = 'http://127.0.0.1:1';

/** Kubeconfigs, each of which leads to a failure of its own. */
export function hostileKubeconfigs(port: number): Record<string, string> {
  const at = (way: string): string => `http://127.0.0.1:${port}/${way}`;
  const of = (server: string, user: object, more: object = {}): string =>
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true, ...more } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  const exec = (script: string): object => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: '/bin/sh',
      args: ['-c', script],
      env: [{ name: 'PASSWORD', value: canary() }],
    },
  });
  const pem = Buffer.from(canary()).toString('base64');
  return {
    ...Object.fromEntries(WAYS.map((way) => [way, of(at(way), { token: canary() })])),
    refused: of(NOBODY, { token: canary() }),
    basic: of(at('html-401'), { username: canary(), password: canary() }),
    'basic-status': of(at('status-403'), { username: canary(), password: canary() }),
    userinfo: of(at('status-500').replace('//', `//${canary()}:${canary()}@`), {}),
    proxy: of(
      'https://127.0.0.1:1',
      { token: canary() },
      { 'proxy-url': at('').replace('//', `//${canary()}:${canary()}@`) },
    ),
    address: of(`https://${canary()}:${canary()}@[`, { token: canary() }),
    certificate: of('https://127.0.0.1:1', { 'client-certificate-data': pem, 'client-key-data': pem }),
    'plug-in-fails': of(NOBODY, exec('echo "$PASSWORD" >&2; echo "$PASSWORD"; exit 1')),
    'plug-in-babbles': of(NOBODY, exec('echo "$PASSWORD"')),
    'plug-in-misleads': of(NOBODY, exec('printf "{\\"status\\":{\\"token\\":\\"$PASSWORD\\\\n\\"}}"')),
    'plug-in-missing': of(NOBODY, { exec: { command: '/nonexistent/plug-in', args: [canary()] } }),
    provider: of(NOBODY, {
      'auth-provider': {
        name: 'azure',
        config: {
          ...{ 'access-token': canary(), 'expires-on': '1', 'cmd-path': '/bin/sh' },
          'cmd-args': `-c "echo ${canary()} >&2; exit 1"`,
        },
      },
    }),
    'no-yaml': `users:\n- name: u\n  user:\n    token: "${canary()}\n    - : [${canary()}`,
    'no-kubeconfig': `- ${canary()}`,
    'no-context': JSON.stringify({ users: [{ name: 'u', user: { token: canary() } }] }),
  };
}
