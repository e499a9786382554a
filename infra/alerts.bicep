// What calls a person, and whom. docs/operating.md has a section for each: what it means, and what to do.
param location string
param tags object
param serviceBusName string
param workspaceName string
param applicationInsightsName string
param functionAppName string
param email string
@secure()
param webhook string

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: serviceBusName
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-platform-events'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'platform-ev'
    emailReceivers: empty(email) ? [] : [{ name: 'email', emailAddress: email, useCommonAlertSchema: true }]
    webhookReceivers: empty(webhook) ? [] : [{ name: 'webhook', serviceUri: webhook, useCommonAlertSchema: true }]
  }
}

type BusAlert = {
  slug: string
  description: string
  severity: int
  metric: string
  aggregation: 'Maximum' | 'Total'
  threshold: int
  @description('How much is looked at, once a minute or every five.')
  window: 'PT5M' | 'PT15M'
}

// Told by Service Bus itself, by entity, so that they also come when the app is away. A metric alert with one time
// series costs USD 0.10 a month for each entity.
var busAlerts BusAlert[] = [
  {
    slug: 'backlog'
    description: 'Events wait: more than 1,000 in one topic for 15 minutes.'
    severity: 2
    metric: 'ActiveMessages'
    aggregation: 'Maximum'
    threshold: 1000
    window: 'PT15M'
  }
  {
    slug: 'dead-letters'
    description: 'Messages lie in a dead-letter queue: subscriptions forward theirs to `errors`, so these could not be forwarded, or have outlived their time in `errors`.'
    severity: 3
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    threshold: 0
    window: 'PT5M'
  }
  {
    slug: 'throttled'
    description: 'Service Bus throttles the namespace: Standard takes about 1,000 operations a second.'
    severity: 2
    metric: 'ThrottledRequests'
    aggregation: 'Total'
    threshold: 0
    window: 'PT5M'
  }
  {
    slug: 'server-errors'
    description: 'Service Bus answers with errors of its own.'
    severity: 2
    metric: 'ServerErrors'
    aggregation: 'Total'
    threshold: 10
    window: 'PT5M'
  }
]

resource busAlertRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in busAlerts: {
    name: 'alert-${alert.slug}'
    location: 'global'
    tags: tags
    properties: {
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [namespace.id]
      evaluationFrequency: 'PT5M'
      windowSize: alert.window
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.slug
            metricNamespace: 'Microsoft.ServiceBus/namespaces'
            metricName: alert.metric
            timeAggregation: alert.aggregation
            operator: 'GreaterThan'
            threshold: alert.threshold
            dimensions: [{ name: 'EntityName', operator: 'Include', values: ['*'] }]
          }
        ]
      }
      autoMitigate: true
      actions: [{ actionGroupId: people.id }]
    }
  }
]

type LogAlert = {
  slug: string
  description: string
  severity: int
  @description('A query with the columns TimeGenerated and Value.')
  query: string
  threshold: int
}

// Told by the app, through Application Insights: what waits for a person, and what waits too long.
var logAlerts LogAlert[] = [
  {
    slug: 'errors-waiting'
    description: 'Entries in `errors` wait for a person.'
    severity: 2
    // The log says it once a minute, also where metrics are not exported.
    query: 'union (${metricQuery('platform_events_errors_waiting')}), (AppTraces | where Message has "errors wait for a person" | project TimeGenerated, Value = 1.0)'
    threshold: 0
  }
  {
    slug: 'oldest-message-age'
    description: 'An event has waited for its handler for more than 10 minutes.'
    severity: 2
    query: metricQuery('platform_events_oldest_message_age_seconds')
    threshold: 600
  }
  {
    slug: 'notifications-failing'
    description: 'Notifications reach nobody: no channel takes them.'
    severity: 2
    query: 'AppTraces | where Message has "notification failed" or tostring(Properties) has "NotificationFailed" | project TimeGenerated, Value = 1.0'
    threshold: 0
  }
]

resource logAlertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: 'alert-${alert.slug}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'alert-${alert.slug}'
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT10M'
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: 'Value'
            operator: 'GreaterThan'
            threshold: alert.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      // The tables of Application Insights come into being with the first record.
      skipQueryValidation: true
      autoMitigate: true
      actions: { actionGroups: [people.id] }
    }
  }
]

// Asked from three places every five minutes, without a key (HEALTH_WITHOUT_KEY): about USD 16 a month (USD 0.0006 a test).
resource probe 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'probe-${applicationInsightsName}'
  location: location
  tags: union(tags, { 'hidden-link:${applicationInsights.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'probe-${applicationInsightsName}'
    Name: 'probe-${applicationInsightsName}'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [{ Id: 'emea-nl-ams-azr' }, { Id: 'us-va-ash-azr' }, { Id: 'apac-sg-sin-azr' }]
    Request: { RequestUrl: 'https://${functionAppName}.azurewebsites.net/api/health', HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
  }
}

resource probeAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-probe-failing'
  location: 'global'
  tags: tags
  properties: {
    description: 'GET /api/health does not answer with 200: the app, Service Bus or the state store is down.'
    severity: 1
    enabled: true
    scopes: [applicationInsights.id, probe.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: probe.id
      componentId: applicationInsights.id
      failedLocationCount: 2
    }
    autoMitigate: true
    actions: [{ actionGroupId: people.id }]
  }
}

func metricQuery(name string) string =>
  'AppMetrics | where Name == "${name}" | project TimeGenerated, Value = coalesce(Max, Sum / ItemCount)'
