// The function app on Flex Consumption, and the settings that it starts with (docs/settings.md has all there are).
param name string
param location string
param tags object
param identityName string
param serviceBusName string
param hostStorageName string
param stateStorageName string
param applicationInsightsName string
param nodeVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyHttp int
param alwaysReadyDeployment int
param settings object

var topology = loadJsonContent('topology.json')
var deploymentFunctions = map(
  filter(topology.topics, topic => startsWith(topic.name, 'deployment-')),
  topic => topic.subscriptions[0].name
)
// HTTP functions share their instances; every other function has its own.
var alwaysReady = filter(
  concat(
    [{ name: 'http', instanceCount: alwaysReadyHttp }],
    map(deploymentFunctions, function => { name: 'function:${function}', instanceCount: alwaysReadyDeployment })
  ),
  group => group.instanceCount > 0
)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource stateStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateStorageName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

// Without `credential` the scale controller does not know who to ask as, and never wakes the app.
var signIn = { credential: 'managedidentity', clientId: identity.properties.clientId }

var ownSettings = {
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  AzureWebJobsStorage__credential: signIn.credential
  AzureWebJobsStorage__clientId: signIn.clientId
  ServiceBus__fullyQualifiedNamespace: '${serviceBusName}.servicebus.windows.net'
  ServiceBus__credential: signIn.credential
  ServiceBus__clientId: signIn.clientId
  StateStore__tableServiceUri: stateStorage.properties.primaryEndpoints.table
  StateStore__credential: signIn.credential
  StateStore__clientId: signIn.clientId
  Cluster: 'kubernetes'
  AZURE_CLIENT_ID: signIn.clientId
  HEALTH_WITHOUT_KEY: 'true'
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${signIn.clientId}'
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  // azd finds the app of the service `app` by it.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled' }
    functionAppConfig: {
      runtime: { name: 'node', version: nodeVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}app-package'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, ownSettings)
  }

  // Deployments sign in with Entra.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}
