// Two storage accounts: the Functions host owns the blobs of one, and the state of the platform is alone in the other.
param hostName string
param stateName string
param stateRedundancy string
param location string
param tags object

@description('Where Flex Consumption keeps the package that is deployed.')
var packageContainer = 'app-package'

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: hostName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: hardened

  resource blobs 'blobServices' = {
    name: 'default'

    resource container 'containers' = {
      name: packageContainer
    }
  }
}

// What became of deployments, budgets and freezes.
resource state 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: stateName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: stateRedundancy }
  properties: hardened
}

var hardened = {
  allowBlobPublicAccess: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
}
