/** Makes a subscription of one's own: once, by whoever may manage the namespace. In production a template does it. */
import { ServiceBusAdministrationClient } from '@azure/service-bus';
import { HealthCheck, LISTENER_FILTER, topicOf } from 'platform-events';

const admin = new ServiceBusAdministrationClient(process.env['SERVICE_BUS_ADMIN'] ?? '');
// The local bus speaks plain http alone, which the SDK has to be told.
if (process.env['SERVICE_BUS_ADMIN']?.includes('UseDevelopmentEmulator=true')) {
  admin.pipeline.addPolicy({
    name: 'plain-http',
    sendRequest: (request, next) => {
      request.url = request.url.replace(/^https:/, 'http:');
      request.allowInsecureConnection = true;
      return next(request);
    },
  });
}
const topic = topicOf(HealthCheck.type);
await admin.createSubscription(topic, 'reports', {
  defaultRuleOptions: { name: 'every-event-once', filter: { sqlExpression: LISTENER_FILTER } },
});
console.log(`subscribed to ${topic} as reports`);
