/** What the bus knowingly does differently from the service: each row of the table in `docs/service-bus-differences.md`. */
import { type Section, section } from '../broker-case.ts';
import {
  AMQP_PROTOCOL,
  AUTHENTICATION,
  BROWSING,
  EXCEPTIONS,
  EXPIRATION,
  PARTITIONING,
  QUEUES_AND_TOPICS,
  SEQUENCING,
  TRANSACTIONS,
} from './sources.ts';
import { deadLettersOf, drain, one, queueWith } from './support.ts';

export const differences: Section = section('differences', ({ differs }) => {
  differs(
    'locks of a closed receiver',
    'https://github.com/Azure/amqpnetlite/issues/340',
    {
      bus: { says: 'gives the messages back at once, counted as a delivery', sees: [[1]] },
      service: { says: 'gives them back when their locks expire', sees: [[]] },
    },
    async (bench) => {
      const queue = await queueWith(bench, { lockDurationMs: 60_000 }, ['x']);
      const receiver = await bench.driver.receiver(queue);
      await receiver.receive(1);
      await receiver.close();
      return (await drain(bench.driver, queue)).map(({ deliveryCount }) => deliveryCount);
    },
  );

  differs(
    'locks in an entity that is changed',
    EXCEPTIONS,
    {
      bus: { says: 'keeps them', sees: ['kept'] },
      service: { says: 'may lose them when a property of the entity changes', sees: ['kept', 'lost'] },
    },
    async (bench) => {
      const { driver } = bench;
      const queue = await queueWith(bench, { lockDurationMs: 60_000 }, ['x']);
      const receiver = await driver.receiver(queue);
      const message = one(await receiver.receive(1));
      await driver.updateQueue(queue, { maxDeliveryCount: 5 });
      const lock = await receiver.complete(message).then(
        () => 'kept',
        () => 'lost',
      );
      await receiver.close();
      return lock;
    },
  );

  differs(
    'partitioned entities',
    [PARTITIONING, SEQUENCING],
    {
      bus: { says: 'takes `enablePartitioning` and shows it, without any effect', sees: [{ partitions: false }] },
      service: { says: 'has partitions, whose number leads each sequence number', sees: [{ partitions: true }] },
    },
    async (bench) => {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const queue = await queueWith(
        bench,
        { enablePartitioning: true },
        keys.map((partitionKey) => ({ body: 'x', partitionKey })).slice(0, 1),
      );
      for (const partitionKey of keys.slice(1)) await bench.driver.send(queue, [{ body: 'x', partitionKey }]);
      const numbers = (await drain(bench.driver, queue)).map(({ sequenceNumber }) => BigInt(sequenceNumber));
      return { partitions: numbers.some((number) => number >= 1n << 48n) };
    },
  );

  differs(
    'the moment of expiry',
    { source: [EXPIRATION, BROWSING], needs: ['time'] },
    {
      bus: { says: 'drops or dead-letters a message at the moment at which it expires', sees: [0] },
      service: { says: 'finds it later: in the background, or when something is received', sees: [0, 1] },
    },
    async (bench) => {
      const queue = await queueWith(bench, {}, [{ body: 'x', timeToLiveMs: 5_000 }]);
      await bench.driver.advance(6_000);
      return (await bench.driver.peek(queue, 10)).length;
    },
  );

  differs(
    'dead letters whose target refuses',
    'https://github.com/Azure/azure-service-bus/issues/666',
    {
      bus: { says: 'leaves them where they are', sees: [['x']] },
      service: { says: 'forwards them once the target takes messages again', sees: [[]] },
    },
    async (bench) => {
      const { driver } = bench;
      const errors = await queueWith(bench, { status: 'SendDisabled' });
      const queue = await queueWith(bench, { forwardDeadLetteredMessagesTo: errors }, ['x']);
      const receiver = await driver.receiver(queue);
      await receiver.deadLetter(one(await receiver.receive(1)));
      await receiver.close();
      await driver.updateQueue(errors, { status: 'Active' });
      return (await driver.peek(deadLettersOf(queue), 10)).map(({ body }) => body);
    },
  );

  differs(
    'clients without a token',
    { source: AUTHENTICATION, needs: ['bareLinks'] },
    {
      bus: { says: 'lets a bare AMQP client in on loopback, and checks every token that it is given', sees: [true] },
      service: { says: 'refuses whoever puts no token', sees: [false] },
    },
    async (bench) => {
      const address = await queueWith(bench);
      return (await bench.driver.attach({ to: 'target', address, tokenSeconds: 0 })).granted;
    },
  );

  differs(
    'messages over HTTP',
    { source: 'https://learn.microsoft.com/rest/api/servicebus/send-message-to-queue', needs: ['rest'] },
    {
      bus: { says: 'has no REST interface for messages, and refuses them', sees: [501] },
      service: { says: 'takes and gives them', sees: [201] },
    },
    async (bench) => bench.driver.post(await queueWith(bench)),
  );

  differs(
    'the end of the process',
    { source: QUEUES_AND_TOPICS, needs: ['restart'] },
    {
      bus: { says: 'keeps everything in memory: entities and messages are gone', sees: ['gone'] },
      service: { says: 'keeps everything on disk, three times', sees: ['kept'] },
    },
    async (bench) => {
      const queue = await queueWith(bench, {}, ['x']);
      await bench.driver.restart();
      return bench.driver.send(queue, [{ body: 'y' }]).then(
        () => 'kept',
        () => 'gone',
      );
    },
  );

  differs(
    'transactions',
    { source: [TRANSACTIONS, AMQP_PROTOCOL], needs: ['bareLinks'] },
    {
      bus: {
        says: 'refuses a client that begins one; one that only announces them (.NET’s `EnableCrossEntityTransactions`) works',
        sees: [{ granted: false, condition: 'amqp:not-implemented' }],
      },
      service: { says: 'has transactions', sees: [{ granted: true }] },
    },
    async (bench) => {
      const { granted, condition } = await bench.driver.attach({ to: 'coordinator' });
      return { granted, ...(condition !== undefined && { condition }) };
    },
  );

  differs(
    'receivers that browse',
    {
      source: [
        AMQP_PROTOCOL,
        'https://learn.microsoft.com/azure/service-bus-messaging/how-to-use-java-message-service-20',
      ],
      needs: ['bareLinks'],
    },
    {
      bus: { says: 'lets a receiver with `distribution-mode: copy` browse, as JMS does', sees: [true] },
      service: { says: 'has such receivers for JMS alone, in Premium', sees: [false, true] },
    },
    async (bench) => {
      const address = await queueWith(bench, {}, ['x']);
      return (await bench.driver.attach({ to: 'source', address, distributionMode: 'copy' })).granted;
    },
  );
});
