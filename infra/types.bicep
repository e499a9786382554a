// The types of parameters that more than one template takes.
import { PublishedEvent } from 'published-events.bicep'

@export()
@description('An identity that may send events to the namespace, each type on its topic. The app\'s own types are not among them.')
type Publisher = {
  @description('The object id of the service principal or managed identity.')
  principalId: string
  events: PublishedEvent[]
}
