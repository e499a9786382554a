// What `azd up` deploys with. Values of the azd environment come in by their names; everything else is written here.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param alertWebhook = readEnvironmentVariable('ALERT_WEBHOOK', '')

// Such as { principalId: '<object id of the monitor's identity>', events: ['HealthCheck'] }
param publishers = []

// Such as SLACK_URL: '@Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/slack-url)'
param settings = {}
