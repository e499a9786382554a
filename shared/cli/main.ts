/** `npx platform-events`: publishes and follows events, shows what happens, and repairs errors. */
import { print, runCommand, UsageError } from '../terminal/command.ts';
import { audit } from './audit.ts';
import { automation } from './automation.ts';
import { config } from './config.ts';
import { errors } from './errors/errors.ts';
import { publish } from './publish.ts';
import { rbac } from './rbac.ts';
import { deploymentsCommand, servicesCommand } from './services.ts';
import { tail } from './tail.ts';
import { USAGE } from './usage.ts';

const [command, ...args] = process.argv.slice(2);
await runCommand(async () => {
  switch (command) {
    case 'publish':
      return publish(USAGE, args);
    case 'tail':
      return tail(USAGE, args);
    case 'errors':
      return errors(USAGE, args);
    case 'automation':
      return automation(USAGE, args);
    case 'config':
      return config(USAGE, args);
    case 'rbac':
      return rbac(USAGE, args);
    case 'audit':
      return audit(USAGE, args);
    case 'services':
      return servicesCommand(USAGE, args);
    case 'deployments':
      return deploymentsCommand(USAGE, args);
    case 'bus':
      // The bus reads its own flags.
      process.argv.splice(2, 1);
      await import('../local/bus.ts');
      return;
    case '--help':
    case '-h':
    case 'help':
      print(USAGE);
      return;
    default:
      throw new UsageError(command === undefined ? USAGE : `unknown command '${command}'\n\n${USAGE}`);
  }
});
