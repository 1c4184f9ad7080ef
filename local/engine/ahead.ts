import { Recorder } from "./deployment/recorder";
import { Stopped } from "./deployment/stop";
import type { EventSink } from "./events";
import type { RunResult } from "./operations";
import type { PassOptions } from "./pass";

type Session = PassOptions["session"];

/**
 * A pass whose processes may start before it is known whether it will be: they load meanwhile, and wait for the stack. Before `begin` none of the
 * program's own code runs in them, nothing is done, and nothing is told.
 */
export class Ahead {
  private readonly recorder: Recorder;
  private running?: Promise<RunResult>;
  private give: (session: Session) => void = () => undefined;
  private refuse: (reason: Error) => void = () => undefined;
  private readonly session: Session = new Promise((resolve, reject) => {
    this.give = resolve;
    this.refuse = reject;
  });

  constructor(
    private readonly pass: (session: Session, recorder: Recorder) => Promise<RunResult>,
    events?: EventSink,
  ) {
    this.session.catch(() => undefined);
    this.recorder = new Recorder(events, { held: true });
  }

  start(): void {
    this.running ??= this.pass(this.session, this.recorder);
    this.running.catch(() => undefined);
  }

  begin(session: Session): Promise<RunResult> {
    this.recorder.release();
    this.give(session);
    return (this.running ??= this.pass(this.session, this.recorder));
  }

  /** Ends what waits, and resolves when it has ended. A pass that has begun is not touched. */
  async abandon(): Promise<void> {
    this.refuse(new Stopped());
    await this.running?.catch(() => undefined);
  }
}
