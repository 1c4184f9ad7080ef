/** Progress of long local work (toolchain builds, images, the cluster's start), apart from how it is shown. */
export interface Task {
  /** What is being done right now, one short line. */
  detail(text: string): void;
  /** Share done, 0 to 1; without it the estimate and the elapsed time stand in. */
  fraction(done: number): void;
}

export interface Progress {
  /** Runs `work` as a named task; several may run at once. The task ends, done or failed, when the promise settles. */
  task<T>(title: string, work: (task: Task) => Promise<T>, options?: { estimateSeconds?: number }): Promise<T>;
  /** A line that stays. */
  note(text: string): void;
}

/** For tests and machine-readable output. */
export const silent: Progress = {
  task: (_title, work) => work({ detail: () => undefined, fraction: () => undefined }),
  note: () => undefined,
};
