// The deployment that example.snapshot.json shows, and that the tests hold against the topology: every parameter with a
// default has it, and those that make resources have a value.
using 'main.bicep'

param environmentName = 'example'
param location = 'westeurope'

param alwaysReadyDeployment = 1
param publishers = [
  { principalId: '11111111-1111-1111-1111-111111111111', events: ['DeploymentRequested'] }
  { principalId: '22222222-2222-2222-2222-222222222222', events: ['HealthCheck', 'ResourceQuotaExceeded'] }
]
param settings = { HANDLER_TIMEOUT: '30s' }
param alertEmail = 'platform@example.com'
param alertWebhook = 'https://hooks.example.com/alerts'
