/** Who this app is to the services of Azure. */
import type { TokenCredential } from '@azure/identity';
import type { IdentityConnection } from '../settings.ts';

/**
 * The managed identity when the settings say so: nothing else is tried then, so that a wrong one is told as it is. Else
 * whoever is found: an identity of the platform, or the developer who is signed in.
 */
export async function credentialFor({
  clientId,
  credential,
}: Pick<IdentityConnection, 'clientId' | 'credential'>): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  if (credential === 'managedidentity')
    return new ManagedIdentityCredential(clientId === undefined ? {} : { clientId });
  return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
}
