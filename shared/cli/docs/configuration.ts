/** `docs/configuration.md`: every path of `platform.config.json`. */
import { configSchema } from '../../config.ts';
import { jsonSchemaOf } from '../../events/schemas.ts';
import { literal, page, prose, table } from './markdown.ts';
import { boundsOf, fieldsOf, namedTypes, sentence, typeOf } from './schema-fields.ts';

export function configurationPage(): string {
  const schema = jsonSchemaOf(configSchema);
  const fields = fieldsOf(schema);
  const sections = Object.entries(Object(schema['properties']) as Record<string, { description?: string }>);
  return page(
    'Configuration',
    '`shared/config.ts`',
    prose(
      `\`platform.config.json\` holds the rules of the platform. Everything has a default that is safe, so an empty file (\`{}\`) is
      valid. It is checked when the app starts: an error names the path and the value, and a name that is not known is refused.
      \`npm run schemas\` writes its JSON Schema for editors; the setting \`PLATFORM_CONFIG\` (see [settings](settings.md)) says where it
      is. In the paths, \`[]\` stands for each of a list, and \`<name>\` for a name of your own.`,
    ),
    ...sections.flatMap(([section, { description = '' }]) => {
      const inside = fields.filter(({ path }) => path.startsWith(`${section}.`) || path.startsWith(`${section}[`));
      // An object's fields have their own rows; its own row is needed only for a default.
      const own = fields.filter(
        ({ path, schema: one }) => path === section && (inside.length === 0 || defaultOf(one['default'])),
      );
      return [`## ${section}`, `${sentence(description)}.`, fieldTable([...own, ...inside])];
    }),
    '## Types',
    namedTypes(fields, '###'),
  );
}

function fieldTable(fields: ReturnType<typeof fieldsOf>): string {
  return table(
    ['path', 'type', 'default', 'description'],
    fields.map(({ path, schema, isRequired }) => {
      const bounds = boundsOf(schema);
      return [
        `\`${path}\``,
        `${typeOf(schema)}${bounds && `, ${bounds}`}`,
        isRequired ? 'required' : defaultOf(schema['default']),
        sentence(String(schema['description'] ?? '')),
      ];
    }),
  );
}

/** Empty for an empty object, whose fields have their defaults in their own rows. */
function defaultOf(value: unknown): string {
  return value === undefined || JSON.stringify(value) === '{}' ? '' : literal(value);
}
