/** The text of `platform-events --help`, in a file of its own for the reference page. */
import { catalog } from '../events/catalog.ts';

export const USAGE = `usage: platform-events <command> [options]

  publish <Type> --data '{…}'   publish an event, and print its id
      --data @file | -          read the data from a file, or from stdin
      --source URI              who publishes (/platform-events-cli)
      --subject TEXT            the resource (from the data)
      --correlation-id ID       join a chain
      --wait                    follow the chain to its end
      --timeout 10m             how long to wait
  tail                          show events as they are handled
      --type TYPE               only of this type
      --since 1h                begin in the past
  errors list                   what could not be handled, oldest first
  errors show NUMBER            one entry, with the event and the whole reason
  errors replay NUMBER...       send entries to their handlers again
  errors discard NUMBER...      throw entries away
      --reason REASON           of list, and of replay and discard with --all:
      --type TYPE               only entries of this reason, of this type,
      --older-than 1h           of this age
      --newer-than 1h
      --all                     replay or discard all of these
  automation status             whether the platform acts by itself
  automation pause|resume       stop and start rollbacks and raised quotas
      --reason TEXT             why, for everybody to see
      --by NAME                 who (your user name; with a token, whose it is)
  config check [FILE]           whether a configuration is valid for real clusters, and
                                what is wide in it (PLATFORM_CONFIG, platform.config.json)
      --against OLD             and what it newly allows, refuses, freezes and calls
      --simulated               for the simulated cluster, where anything is allowed
  rbac                          the roles that the app needs in a cluster, as YAML: in
                                each namespace, or where there are patterns cluster-wide
      --config FILE             the configuration (as above)
      --cluster NAME            the cluster (default)
      --user ID                 who the app is there: a user, such as the object id of
      --service-account NS/NAME its managed identity; or a service account
      --cluster-wide            cluster-wide, though all namespaces are named
  services unfreeze SERVICE     end the freeze of a service
  services override SERVICE     let one release of it through its freezes, within a day
      --reason TEXT             of both: why, for the audit log
      --for 2h                  every release in that time, at most 7d
      --target CLUSTER/NS/NAME  this deployment of it alone
  deployments rollback TARGET   roll the newest release of cluster/namespace/deployment
                                back to what is known to be good
      --reason TEXT             why, for the audit log and whoever is notified
  audit                         who did what over HTTP, newest first
      --since 7d                begin in the past
      --who NAME                only acts of this caller
  bus [options]                 start the local Service Bus (see 'bus --help')

  --url URL                     the app (PLATFORM_EVENTS_URL, else http://127.0.0.1:7071)
  --insecure-http               allow plain http to other machines
  --json                        one JSON object a line

A function key is read from PLATFORM_EVENTS_KEY, a token (where the app has
HttpAuth=tokens) from PLATFORM_EVENTS_TOKEN. Without --url and
PLATFORM_EVENTS_URL, but with ServiceBus or ServiceBus__fullyQualifiedNamespace
in the environment, publish sends to that namespace directly.
Exit codes: 0 done, and with --wait: completed; 1 failed, refused, or not ended
in time, or a configuration that is not valid; 2 wrong usage or settings; 3 a
configuration that allows or calls more than the old one; 130 stopped.

Types:
${[...catalog.keys()].map((type) => `  ${type}`).join('\n')}`;
