// The namespace and its entities: loops over what the catalog of events comes to (topology.json).
param name string
param location string
param tags object

var topology = loadJsonContent('topology.json')
var subscriptions = flatten(map(
  topology.topics,
  (topic, index) => map(topic.subscriptions, subscription => { topicIndex: index, ...subscription })
))

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  // Basic has no topics; Premium costs about 70 times as much; `npm run cost` says from when it pays.
  sku: { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in topology.queues: {
    parent: namespace
    name: queue.name
    properties: {
      defaultMessageTimeToLive: duration(queue.timeToLiveSeconds)
      lockDuration: duration(queue.lockSeconds)
      maxDeliveryCount: queue.maxDeliveryCount
      deadLetteringOnMessageExpiration: queue.deadLetteringOnMessageExpiration
    }
  }
]

resource topics 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [
  for topic in topology.topics: {
    parent: namespace
    name: topic.name
    properties: {
      defaultMessageTimeToLive: duration(topic.timeToLiveSeconds)
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: duration(topic.duplicateDetectionSeconds)
    }
  }
]

resource handlers 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [
  for subscription in subscriptions: {
    parent: topics[subscription.topicIndex]
    name: subscription.name
    properties: {
      lockDuration: duration(subscription.lockSeconds)
      maxDeliveryCount: subscription.maxDeliveryCount
      deadLetteringOnMessageExpiration: subscription.deadLetteringOnMessageExpiration
      forwardDeadLetteredMessagesTo: subscription.forwardDeadLetteredMessagesTo
    }
    dependsOn: [queues]
  }
]

// The service makes a rule of this name, which takes everything, with every subscription. A rule of another name may
// come beside it, and then filters nothing; so it is written over.
resource rules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2024-01-01' = [
  for (subscription, index) in subscriptions: {
    parent: handlers[index]
    name: '$Default'
    properties: {
      filterType: 'SqlFilter'
      sqlFilter: { sqlExpression: subscription.rule.sqlFilter }
    }
  }
]

@description('As the service shows it: whole days, or minutes, or seconds.')
func duration(seconds int) string =>
  seconds % 86400 == 0 ? 'P${seconds / 86400}D' : seconds % 60 == 0 ? 'PT${seconds / 60}M' : 'PT${seconds}S'
