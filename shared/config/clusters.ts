/** `clusters`: how each cluster is reached, and what a new one gets. */
import * as z from 'zod';
import { dnsLabel, shortText } from '../events/fields.ts';
import { address, environment, namePattern, SECRET } from './fields.ts';

const FILE = 'the path of a file';
/** A file's content in the place of its path is refused here, and not shown. */
const path = z
  .string()
  .min(1)
  .max(500, FILE)
  .regex(/^[^\r\n{]+$/, FILE);

const owned = {
  team: dnsLabel.describe('The team that it belongs to.'),
  environment: environment.describe('What it is for.'),
  profile: shortText.optional().describe('One of `profiles`; the one with the name of the environment when absent.'),
  adopt: z
    .boolean()
    .default(false)
    .describe('Whether it may be taken over when somebody else made it. Without this such a namespace is left alone.'),
};

export const clusterSection = z.strictObject({
  kubeconfig: path
    .optional()
    .meta(SECRET)
    .describe(
      'Path of a kubeconfig file. One of `kubeconfig`, `inCluster` and `server` at most; with none, where kubectl looks.',
    ),
  context: z
    .string()
    .min(1)
    .optional()
    .describe('Context in the kubeconfig; its current one when absent. Not with `inCluster` or `server`.'),
  inCluster: z.boolean().optional().describe('Use the service account of the pod that this runs in.'),
  server: address.optional().meta(SECRET).describe('The API server, an https address, reached with an Entra token.'),
  certificateAuthority: path
    .optional()
    .meta(SECRET)
    .describe('Path of the CA certificate (PEM) of `server`; only with it.'),
  scope: z
    .string()
    .min(1)
    .default('6dae42f8-4368-4678-94ff-3960e28e3630/.default')
    .describe('Entra scope; AKS unless set.'),
  namespaces: z
    .array(
      z.strictObject({
        namespace: namePattern.describe('A name, or a pattern such as `shop-*`; no system namespace fits a pattern.'),
        ...owned,
      }),
    )
    .default([])
    .describe(
      'The namespaces that may exist beside those of the baseline: may be deployed to, and made by an event that says the same of them. A name goes before patterns, and of two patterns the first that fits.',
    ),
  baseline: z
    .strictObject({
      namespaces: z
        .array(z.strictObject({ namespace: dnsLabel.describe('The namespace; no system namespace.'), ...owned }))
        .default([])
        .describe('The namespaces that are made with it.'),
    })
    .prefault({})
    .describe('What every new cluster of this name gets.'),
});
