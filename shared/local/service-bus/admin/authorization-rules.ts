/**
 * Authorization rules in the descriptions of queues and topics.
 *
 * @see https://learn.microsoft.com/rest/api/servicebus/create-queue
 */
import { randomBytes } from 'node:crypto';
import { ACCESS_RIGHTS, type AuthorizationRule } from '../core/authorization-rule.ts';
import { AdminError } from './error.ts';
import { element, type Xml, type XmlElement } from './xml.ts';

/** The rules in an `AuthorizationRules` element. A rule without a key gets one, as on the service. */
export function readRules({ children }: XmlElement): AuthorizationRule[] {
  return children.map((rule) => {
    const textOf = (name: string): string => rule.children.find((child) => child.name === name)?.text.trim() ?? '';
    const claim = textOf('ClaimType');
    if (claim !== 'SharedAccessKey') {
      throw new AdminError(400, `AuthorizationRule.ClaimType: expected SharedAccessKey, got '${claim}'`);
    }
    const rights = rule.children.find(({ name }) => name === 'Rights')?.children.map(({ text }) => text.trim()) ?? [];
    const known = ACCESS_RIGHTS.filter((right) => rights.includes(right));
    const unknown = rights.find((right) => !known.some((one) => one === right));
    if (unknown !== undefined) {
      throw new AdminError(400, `AuthorizationRule.Rights: expected ${ACCESS_RIGHTS.join(', ')}, got '${unknown}'`);
    }
    return {
      name: textOf('KeyName'),
      primaryKey: textOf('PrimaryKey') || newKey(),
      secondaryKey: textOf('SecondaryKey') || newKey(),
      rights: known,
    };
  });
}

export function renderRules(rules: readonly AuthorizationRule[]): Xml | [] {
  if (rules.length === 0) return [];
  return element(
    'AuthorizationRules',
    rules.map(({ name, primaryKey, secondaryKey = primaryKey, rights }) =>
      element(
        'AuthorizationRule',
        [
          element('ClaimType', 'SharedAccessKey'),
          element('ClaimValue', 'None'),
          element(
            'Rights',
            rights.map((right) => element('AccessRights', right)),
          ),
          element('KeyName', name),
          element('PrimaryKey', primaryKey),
          element('SecondaryKey', secondaryKey),
        ],
        { 'i:type': 'SharedAccessAuthorizationRule' },
      ),
    ),
  );
}

/** 256 bits, as the service makes them. */
function newKey(): string {
  return randomBytes(32).toString('base64');
}
