/** A functions app of one handler, and of the timer that replays what no handler has judged. */
import './crashing-app.ts';
import '../../functions/timer/replay-unjudged.ts';
