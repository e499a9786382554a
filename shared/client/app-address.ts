/** Which addresses of the app are good to send a key to. */
import { isLoopback } from '../local/local-http.ts';

/** How the caller's own users give a key, and allow plain http. */
interface Wording {
  readonly key: string;
  readonly allowing: string;
}

/** What is wrong with an address; undefined when nothing is. A password or a key in it is not shown. */
export function addressFault(address: string, mayBeInsecure: boolean, { key, allowing }: Wording): string | undefined {
  const expected = "expected a URL such as 'https://shop.azurewebsites.net'";
  if (!URL.canParse(address)) {
    return /[@?#;=]/.test(address)
      ? `${expected}, got something else (not shown: it may hold a key)`
      : `${expected}, got '${address}'`;
  }
  const { protocol, hostname, username, password, search, hash, origin } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:') return `${expected}, got one of '${protocol}'`;
  if (username !== '' || password !== '') return `${expected}, got one with a user or password in it`;
  if (search !== '' || hash !== '') {
    return `${expected}, got one with '?' or '#' in it; a function key goes into ${key}`;
  }
  if (protocol === 'https:' || isLoopback(hostname) || mayBeInsecure) return undefined;
  return `expected https, got '${origin}': the function key would be sent unencrypted; ${allowing} allows it`;
}
