/**
 * What a bearer token costs a request, with the keys of its issuer known: signature, claims, and the rules. Goal: under
 * 1 ms a request.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createCallers } from '../shared/access/callers.ts';
import { hasRight } from '../shared/access/rights.ts';
import { parseConfig } from '../shared/config.ts';

const REQUESTS = 2_000;
const ROUNDS = 5;
const RULES = 200;

const issuer = 'https://token.actions.githubusercontent.com';
const audience = 'platform-events';

for (const alg of ['RS256', 'ES256']) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const { access } = parseConfig({
    access: {
      issuers: { github: { issuer, audience, jwksUri: `${issuer}/keys` } },
      rules: Array.from({ length: RULES }, (_, index) => ({
        ...{ issuer: 'github', claims: { repository_id: String(index), ref: 'refs/heads/*' } },
        ...{ rights: ['publish'], types: ['DeploymentRequested'], namespaces: [`shop-${index}`] },
      })),
    },
  });
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg, use: 'sig' }] };
  const callers = createCallers({
    ...{ access, clock: { now: () => Date.now() }, isAppServiceAuthOn: false },
    fetch: async () => keys,
  });
  const sign = (n: number): Promise<string> =>
    new SignJWT({
      ...{ repository_id: String(n % RULES), ref: 'refs/heads/main', sub: `repo:acme/shop-${n}:ref:refs/heads/main` },
      ...{
        repository: `acme/shop-${n}`,
        actor: 'ada',
        repository_owner_id: '1',
        workflow: 'deploy',
        run_id: String(n),
      },
    })
      .setProtectedHeader({ alg, kid: 'one', typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime('1h')
      .sign(privateKey);
  const tokens = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => sign(n)));

  const measured: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    for (const token of tokens) {
      const caller = await callers.identify(new Headers({ authorization: `Bearer ${token}` }));
      if (!hasRight(caller, 'publish')) throw new Error(`${caller.name} has no right to publish`);
    }
    measured.push((performance.now() - begun) / REQUESTS);
  }
  const median = measured.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  const share = `${median.toFixed(3)} ms a request (median of ${ROUNDS}, ${RULES} rules; goal under 1)`;
  console.log(`auth, ${alg}: ${share}`);
  if (median >= 1) process.exitCode = 1;
}
