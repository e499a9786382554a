/** `clusters`: how each cluster is reached, and what a new one gets. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { dnsLabel, shortText } from '../events/fields.ts';
import { address, environment, namePattern, SECRET } from './fields.ts';

const FILE = 'the path of a file';
/** A file's content in the place of its path is refused here, and not shown. */
const path = z.string().check(z.minLength(1), z.maxLength(500, FILE), z.regex(/^[^\r\n{]+$/, FILE));

const owned = {
  team: described(z.clone(dnsLabel), 'The team that it belongs to.'),
  environment: described(z.clone(environment), 'What it is for.'),
  profile: described(z.optional(shortText), 'One of `profiles`; the one with the name of the environment when absent.'),
  adopt: described(
    z._default(z.boolean(), false),
    'Whether it may be taken over when somebody else made it. Without this such a namespace is left alone.',
  ),
};

export const clusterSection = z.strictObject({
  kubeconfig: described(z.optional(path), {
    ...SECRET,
    description:
      'Path of a kubeconfig file. One of `kubeconfig`, `inCluster` and `server` at most; with none, where kubectl looks.',
  }),
  context: described(
    z.optional(z.string().check(z.minLength(1))),
    'Context in the kubeconfig; its current one when absent. Not with `inCluster` or `server`.',
  ),
  inCluster: described(z.optional(z.boolean()), 'Use the service account of the pod that this runs in.'),
  server: described(z.optional(address), {
    ...SECRET,
    description: 'The API server, an https address, reached with an Entra token.',
  }),
  certificateAuthority: described(z.optional(path), {
    ...SECRET,
    description: 'Path of the CA certificate (PEM) of `server`; only with it.',
  }),
  scope: described(
    z._default(z.string().check(z.minLength(1)), '6dae42f8-4368-4678-94ff-3960e28e3630/.default'),
    'Entra scope; AKS unless set.',
  ),
  namespaces: described(
    z._default(
      z.array(
        z.strictObject({
          namespace: described(
            z.clone(namePattern),
            'A name, or a pattern such as `shop-*`; no system namespace fits a pattern.',
          ),
          ...owned,
        }),
      ),
      [],
    ),
    'The namespaces that may exist beside those of the baseline: may be deployed to, and made by an event that says the same of them. A name goes before patterns, and of two patterns the first that fits.',
  ),
  baseline: described(
    z.prefault(
      z.strictObject({
        namespaces: described(
          z._default(
            z.array(
              z.strictObject({
                namespace: described(z.clone(dnsLabel), 'The namespace; no system namespace.'),
                ...owned,
              }),
            ),
            [],
          ),
          'The namespaces that are made with it.',
        ),
      }),
      {},
    ),
    'What every new cluster of this name gets.',
  ),
});
