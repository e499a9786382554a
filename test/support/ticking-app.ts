/** A functions app of two timers, which log what they were called with. */
import { app, type InvocationContext, type Timer } from '@azure/functions';

const handler = (timer: Timer, context: InvocationContext): void => context.log(JSON.stringify(timer));

app.timer('often', { schedule: '* * * * * *', handler });
app.timer('yearly', { schedule: '%YEARLY%', handler });
