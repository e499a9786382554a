// Everything that the app needs in Azure, in a resource group of its own. `azd up` deploys it; docs/deploying.md says what
// it makes, what it costs and what each parameter is for.
// Not covered: private networking. Service Bus, storage and app have public endpoints, which only Entra identities get
// past; private endpoints for Service Bus need its Premium tier.
targetScope = 'subscription'

import { Publisher } from 'types.bicep'

@description('The name of the azd environment: one deployment of the app, such as "prod".')
@minLength(1)
@maxLength(24)
param environmentName string

@description('The region of everything. It must offer Flex Consumption: az functionapp list-flexconsumption-locations')
@metadata({ azd: { type: 'location' } })
param location string

@description('The version of Node.')
@allowed(['22', '24'])
param nodeVersion string = '24'

@description('The memory of an instance. A price per GB and second: twice the memory is twice the price.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances that the app may have. Each function that handles events scales by itself, up to this.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

// What an instance costs that is always ready: 2 GB x 2,628,000 s x USD 0.000004 = about USD 21 a month each with
// 2,048 MB, and the executions on it. `npm run cost` computes it for your load.
@description('Instances that always wait for HTTP requests: about USD 21 a month each, with 2,048 MB.')
@minValue(0)
param alwaysReadyHttp int = 1

// Without any, each function of a chain starts cold by itself: a deployment after a quiet time pays several starts.
@description('Instances that are always ready, for each of the five functions of a deployment: 1 is about USD 105 a month, with 2,048 MB.')
@minValue(0)
param alwaysReadyDeployment int = 0

@description('How the state is kept: in three zones, or in one where the region has no more. It cannot be changed later.')
@allowed(['Standard_ZRS', 'Standard_LRS'])
param stateRedundancy string = 'Standard_ZRS'

@description('Who may send which events to the namespace itself. Everybody else publishes over HTTP.')
param publishers Publisher[] = []

@description('More app settings, such as HANDLER_TIMEOUT, or the settings that hold the addresses of webhooks. Write a secret as a Key Vault reference: what is here can be read in the deployment.')
param settings object = {}

@description('Where alerts are sent by e-mail, if anywhere.')
param alertEmail string = ''

@description('Where alerts are posted, if anywhere: an https address that takes the common alert schema.')
@secure()
param alertWebhook string = ''

@description('How long logs are kept. The first 31 days cost nothing more.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

var tags = { 'azd-env-name': environmentName }
// Of the names that must be unique in all of Azure.
var token = uniqueString(subscription().id, environmentName, location)
var names = {
  group: 'rg-${environmentName}'
  identity: 'id-${environmentName}'
  workspace: 'log-${environmentName}'
  applicationInsights: 'appi-${environmentName}'
  serviceBus: 'sb-${token}'
  hostStorage: 'sthost${token}'
  stateStorage: 'ststate${token}'
  functionApp: 'func-${token}'
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: names.group
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    applicationInsightsName: names.applicationInsights
    location: location
    tags: tags
    logRetentionDays: logRetentionDays
  }
}

module serviceBus 'service-bus.bicep' = {
  scope: group
  params: { name: names.serviceBus, location: location, tags: tags }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    hostName: names.hostStorage
    stateName: names.stateStorage
    stateRedundancy: stateRedundancy
    location: location
    tags: tags
  }
}

module roles 'roles.bicep' = {
  scope: group
  params: {
    identityName: names.identity
    publishers: publishers
    serviceBusName: names.serviceBus
    hostStorageName: names.hostStorage
    stateStorageName: names.stateStorage
    applicationInsightsName: names.applicationInsights
  }
  dependsOn: [identity, monitoring, serviceBus, storage]
}

module functionApp 'function-app.bicep' = {
  scope: group
  params: {
    name: names.functionApp
    location: location
    tags: tags
    identityName: names.identity
    serviceBusName: names.serviceBus
    hostStorageName: names.hostStorage
    stateStorageName: names.stateStorage
    applicationInsightsName: names.applicationInsights
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    alwaysReadyDeployment: alwaysReadyDeployment
    settings: settings
  }
  // An app that starts before it may read its storage has no keys, and its triggers find nothing.
  dependsOn: [roles]
}

module alerts 'alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    serviceBusName: names.serviceBus
    workspaceName: names.workspace
    applicationInsightsName: names.applicationInsights
    functionAppName: names.functionApp
    email: alertEmail
    webhook: alertWebhook
  }
  dependsOn: [monitoring, serviceBus]
}

output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = names.functionApp
output FUNCTION_APP_URL string = 'https://${names.functionApp}.azurewebsites.net'
@description('Who the app is in a cluster: the subject of the ClusterRoleBinding in infra/cluster-role.yaml.')
output APP_PRINCIPAL_ID string = identity.outputs.principalId
output SERVICE_BUS_NAMESPACE string = '${names.serviceBus}.servicebus.windows.net'
