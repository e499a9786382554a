/** `docs/settings.md`: the settings that the app reads from its environment. */
import { jsonSchemaOf } from '../../events/schemas.ts';
import { HOST_SETTINGS, settingsSchema } from '../../settings-schema.ts';
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
    String(one['inAzure'] ?? ''),
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
    prose(
      `The column _in Azure_ says what the templates in \`infra/\` set; the parameter \`settings\` sets more ([deploying](deploying.md)). In
      Azure \`StateStore=memory\` and \`Cluster=simulated\` are refused.`,
    ),
    table(
      ['setting', 'form', 'default', 'secret', 'in Azure', 'description'],
      [
        ...rows,
        [
          'those that `urlSetting` names',
          'an https address',
          '',
          'yes',
          '',
          'The webhook of a notification channel. The [configuration](configuration.md#notifications) holds the name of the setting, never the address.',
        ],
      ],
    ),
    '## Of the Functions host',
    table(
      ['setting', 'form', 'in Azure', 'description'],
      Object.entries(HOST_SETTINGS).map(([name, one]) => [`\`${name}\``, one.form, one.inAzure ?? '', one.description]),
    ),
  );
}
