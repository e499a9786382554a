/**
 * The cases that no page, issue or SDK's test says in so many words: they were inferred from the sources that they name, from
 * what the clients expect, or from how AMQP works. Whoever runs the suite on a namespace learns most from these.
 */
export const INFERRED: Readonly<Record<string, readonly string[]>> = {
  sending: [
    'refuses to send to a subscription',
    'drops what is sent to a topic without subscriptions',
    'keeps names of application properties apart that differ by case',
    'keeps text in any language',
    'gives a message the same enqueued number in each subscription',
  ],
  scheduling: [
    'enqueues at once what is scheduled for a time that has passed',
    'holds rules against a scheduled message when its time comes',
  ],
  'duplicate detection': ['tells ids apart that differ by case'],
  receiving: [
    'returns the messages of a receiver that closes, in order',
    'settles a lock that lives beside one that is lost',
    'takes a queue that was made again for a new one',
  ],
  deferring: ['refuses a deferred message of another session'],
  browsing: [
    'begins at the next message where a number is gone',
    'deletes the oldest first, and as many as are asked for',
  ],
  expiry: ['removes an expired message of a session'],
  'dead letters': ['keeps what the message said of itself', 'shortens a reason of more than 4,096 characters'],
  forwarding: [
    'keeps id and properties of a message',
    'moves on what waited when forwarding is switched on',
    'keeps messages again when forwarding is switched off',
    'refuses an entity that forwards to itself',
    'drops a duplicate where it arrives',
  ],
  sessions: ['tells session ids apart that differ by case'],
  rules: [
    'makes no subscription whose rule is wrong',
    'refuses a wrong expression',
    'keeps a rule that a wrong expression was to replace',
  ],
  'SQL filters': [
    'compares a text for equality, by case',
    'orders texts',
    'never finds values of unlike types equal',
    'never finds values of unlike types unequal',
    'binds AND closer than OR',
    'binds NOT closer than AND',
    'takes nothing for its negation either',
    'matches a pattern by case',
    'neither matches nor fails to match a number',
    'refuses a system property that there is none of',
    'refuses a parameter without a value',
  ],
  'SQL actions': [
    'has a message live as long as another property says',
    'finds a property whatever the case of its name',
    'refuses to remove the message id',
    'refuses a system property that there is none of',
  ],
  quotas: [
    'refuses a whole batch for a property of one message',
    'refuses to schedule what it would refuse to take',
    'keeps a message locked whose settling would give it too large a property',
    'refuses more deliveries than an int can count',
  ],
  queues: ['holds a changed lock duration for the next delivery'],
  'topics and subscriptions': ['keeps its rules when a subscription is changed'],
};
