// Everything that the app and other publishers may do in Azure, and nothing more. What the app may do in a cluster is in
// cluster-role.yaml.
import { Publisher } from 'types.bicep'

param identityName string
param publishers Publisher[]
param serviceBusName string
param hostStorageName string
param stateStorageName string
param applicationInsightsName string

var topology = loadJsonContent('topology.json')
var subscriptions = flatten(map(
  topology.topics,
  (topic, index) => map(topic.subscriptions, subscription => { topicIndex: index, name: subscription.name })
))
var topicIndexes = toObject(range(0, length(topology.topics)), index => topology.topics[index].type)
var publications = flatten(map(
  publishers,
  publisher => map(publisher.events, event => { principalId: publisher.principalId, topicIndex: topicIndexes[event] })
))

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleIds = {
  receiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0' // Azure Service Bus Data Receiver
  sender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39' // Azure Service Bus Data Sender
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: serviceBusName
}

resource topics 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' existing = [
  for topic in topology.topics: {
    parent: namespace
    name: topic.name
  }
]

resource handlers 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' existing = [
  for subscription in subscriptions: {
    parent: topics[subscription.topicIndex]
    name: subscription.name
  }
]

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = [
  for queue in topology.queues: {
    parent: namespace
    name: queue.name
  }
]

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource stateStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateStorageName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource receivesEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (subscription, index) in subscriptions: {
    scope: handlers[index]
    name: guid(handlers[index].id, identity.id, roleIds.receiver)
    properties: assignment(identity.properties.principalId, builtIn(roleIds.receiver))
  }
]

// What its handlers publish, and the redeliveries and replays of everything else.
resource sendsEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (topic, index) in topology.topics: {
    scope: topics[index]
    name: guid(topics[index].id, identity.id, roleIds.sender)
    properties: assignment(identity.properties.principalId, builtIn(roleIds.sender))
  }
]

resource receivesErrors 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in topology.queues: {
    scope: queues[index]
    name: guid(queues[index].id, identity.id, roleIds.receiver)
    properties: assignment(identity.properties.principalId, builtIn(roleIds.receiver))
  }
]

resource sendsErrors 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in topology.queues: {
    scope: queues[index]
    name: guid(queues[index].id, identity.id, roleIds.sender)
    properties: assignment(identity.properties.principalId, builtIn(roleIds.sender))
  }
]

resource publishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for publication in publications: {
    scope: topics[publication.topicIndex]
    name: guid(topics[publication.topicIndex].id, publication.principalId, roleIds.sender)
    properties: assignment(publication.principalId, builtIn(roleIds.sender))
  }
]

// The scale controller asks the namespace how much waits where. With the receiver's role alone it falls back to peeking.
resource namespaceReader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'namespace-reader')
  properties: {
    roleName: 'Service Bus entity reader (${resourceGroup().name})'
    description: 'Reads the entities of a Service Bus namespace and how much waits in them, but no message.'
    type: 'CustomRole'
    permissions: [
      {
        actions: ['Microsoft.ServiceBus/namespaces/*/read']
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

resource readsNamespace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: namespace
  name: guid(namespace.id, identity.id, namespaceReader.id)
  properties: assignment(identity.properties.principalId, namespaceReader.id)
}

resource ownsHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, identity.id, roleIds.blobOwner)
  properties: assignment(identity.properties.principalId, builtIn(roleIds.blobOwner))
}

resource writesState 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: stateStorage
  name: guid(stateStorage.id, identity.id, roleIds.tableContributor)
  properties: assignment(identity.properties.principalId, builtIn(roleIds.tableContributor))
}

resource writesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, identity.id, roleIds.metricsPublisher)
  properties: assignment(identity.properties.principalId, builtIn(roleIds.metricsPublisher))
}

func builtIn(id string) string => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id)

// Without the type, an identity that was made a moment ago is refused as unknown.
func assignment(principalId string, roleDefinitionId string) object => {
  principalId: principalId
  principalType: 'ServicePrincipal'
  roleDefinitionId: roleDefinitionId
}
