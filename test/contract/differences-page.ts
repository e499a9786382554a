/** The page `docs/service-bus-differences.md`, from the cases of the broker contract. `npm run docs` writes it. */
import type { BrokerCase, Difference } from './broker-case.ts';
import { sections } from './broker-suite/sections.ts';

export function differencesPage(): string {
  const isDifference = (one: BrokerCase): one is Difference => 'observe' in one;
  const rows = sections
    .flatMap(({ cases }) => cases.filter(isDifference))
    .map(
      ({ title, bus, service, sources }) =>
        `| ${title} | ${bus.says} | ${service.says} | ${sources.map(sourceLink).join(', ')} |`,
    );
  const subjects = sections.map(({ title, cases }) => {
    const same = cases.filter((one) => !isDifference(one));
    return same.length === 0 ? [] : [`| ${title} | ${same.length} |`];
  });
  const agreements = sections.flatMap(({ cases }) => cases.filter((one) => !isDifference(one)));
  const inferred = agreements.filter(({ sources }) => sources.includes('inferred'));
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

${agreements.length} behaviours are the same. ${agreements.length - inferred.length} of them a documentation page, a public issue or a test of Microsoft's SDKs says, which
is named beside the test in [\`test/contract/broker-suite\`](../test/contract/broker-suite). ${inferred.length} were inferred from such a
page, from what clients expect, or from AMQP: [their list](../test/contract/broker-suite/inferred.ts).

| subject | behaviours |
| --- | --- |
${subjects.flat().join('\n')}
`;
}

function sourceLink(source: string, index: number): string {
  return source === 'inferred' ? source : `[${index + 1}](${source})`;
}
