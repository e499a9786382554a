/** `docs/settings.md`: the settings that the app reads from its environment. */
import { jsonSchemaOf } from '../../events/schemas.ts';
import { settingsSchema } from '../../settings-schema.ts';
import { literal, page, prose, table } from './markdown.ts';
import { membersOf } from './schema-fields.ts';

export function settingsPage(): string {
  const schema = jsonSchemaOf(settingsSchema);
  const required = new Set(schema['required'] as string[] | undefined);
  const rows = Object.entries(membersOf(schema)).map(([name, one]) => [
    `\`${name}\``,
    String(one['form']),
    required.has(name) ? 'required' : one['default'] === undefined ? '' : literal(one['default']),
    one['writeOnly'] === true ? 'yes' : '',
    String(one['description']),
  ]);
  return page(
    'Settings',
    '`shared/settings.ts`',
    prose(
      `Settings say where the app runs: they are read from the environment (in Azure, the app settings) and, on a laptop, from
      \`local.settings.json\`; the environment wins. An empty setting is one that was not made. All are checked when the app starts, and
      an error names every one that is wrong; what a secret holds is never shown. What the platform does is in the
      [configuration](configuration.md). A duration is written as \`90s\`, \`15m\`, \`2h\` or \`30d\`.`,
    ),
    table(
      ['setting', 'form', 'default', 'secret', 'description'],
      [
        ...rows,
        [
          'those that `urlSetting` names',
          'an https address',
          '',
          'yes',
          'The webhook of a notification channel. The [configuration](configuration.md#notifications) holds the name of the setting, never the address.',
        ],
      ],
    ),
  );
}
