/** The page `docs/service-bus-differences.md`, from the cases of the broker contract. `npm run docs` writes it. */
import type { BrokerCase, Difference } from './broker-case.ts';
import { sections } from './broker-suite/sections.ts';

export function differencesPage(): string {
  const isDifference = (one: BrokerCase): one is Difference => 'observe' in one;
  const rows = sections
    .flatMap(({ cases }) => cases.filter(isDifference))
    .map(
      ({ title, bus, service, sources }) =>
        `| ${title} | ${bus.says} | ${service.says} | ${sources.map((url, index) => `[${index + 1}](${url})`).join(', ')} |`,
    );
  const subjects = sections.map(({ title, cases }) => {
    const same = cases.filter((one) => !isDifference(one));
    return same.length === 0 ? [] : [`| ${title} | ${same.length} |`];
  });
  const total = sections.reduce((sum, { cases }) => sum + cases.filter((one) => !isDifference(one)).length, 0);
  return `<!-- Written by \`npm run docs\` from test/contract/broker-suite. -->

# Where the local Service Bus differs

Each row is a test, which holds the bus to its side. Whoever has a namespace can hold the service to the other:

\`\`\`sh
# Not run by the tests: it needs a Service Bus namespace.
SERVICE_BUS_CONNECTION_STRING='Endpoint=sb://…' npm run contract
\`\`\`

runs the whole suite there, in queues and topics of its own that it deletes again, and says which rows agree;
\`-- --json\` says it for programs. With \`SERVICE_BUS_WAIT=true\` it also waits where time has to pass. Microsoft's
emulator will do, too.

| | the bus | the service | source |
| --- | --- | --- | --- |
${rows.join('\n')}

## Where it does not

${total} behaviours are the same, each learned from a documentation page or a public issue that is named beside its test in
[\`test/contract/broker-suite\`](../test/contract/broker-suite):

| subject | behaviours |
| --- | --- |
${subjects.flat().join('\n')}
`;
}
