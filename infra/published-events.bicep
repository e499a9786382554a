// Written by `npm run infra` from the catalog of events; changes belong there.
@export()
@description('The types that others than the app may be given the right to send.')
type PublishedEvent =
  | 'ClusterCreated'
  | 'ClusterUpdated'
  | 'DeploymentRequested'
  | 'HealthCheck'
  | 'NamespaceCreated'
  | 'ResourceQuotaExceeded'
