import { setTimeout as delay } from "node:timers/promises";
import type { WriteLedger } from "../postgres/audit";
import type { Writer } from "./ledger";
import { Recording } from "./recording";

/** Sessions at once, and the pause of each between two tasks in ms. */
const sessions = 3;
const pause = 30;
/** Ms after which an answer is given up. */
const patience = 5000;
/** Refused before anything was done: such a task must not be there. */
const refusals: readonly number[] = [400, 409, 413, 422, 429];

/** Creates tasks with unique titles, never one twice, and reads each that was acknowledged at once. */
export class TaskWriter implements Writer {
  readonly record = new Recording();
  stale = 0;
  #next = 1;
  #stopped = false;
  readonly #running: Promise<void>[];

  constructor(
    private readonly url: string,
    private readonly title: (id: number) => string,
  ) {
    this.#running = Array.from({ length: sessions }, () => this.#session());
  }

  async stop(): Promise<WriteLedger> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return this.record.ledger;
  }

  async #session(): Promise<void> {
    while (!this.#stopped) {
      await this.#create(this.#next++);
      await delay(pause);
    }
  }

  async #create(id: number): Promise<void> {
    const title = this.title(id);
    try {
      const response = await fetch(`${this.url}/api/v1/tasks`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": title.replaceAll(" ", "-") },
        body: JSON.stringify({ title, description: "Written by a ledger.", policy_version: "1.1.0", priority: "low" }),
        signal: AbortSignal.timeout(patience),
      });
      const body = (await response.json()) as { id?: string };
      if (response.status === 201) {
        this.record.acknowledged(id);
        await this.#readBack(body.id ?? "");
      } else if (refusals.includes(response.status)) this.record.failed(id);
      else this.record.indeterminate(id);
    } catch {
      this.record.indeterminate(id);
    }
  }

  /** Where nothing answers, nothing stale was read. */
  async #readBack(id: string): Promise<void> {
    const found = await fetch(`${this.url}/api/v1/tasks/${id}`, { signal: AbortSignal.timeout(patience) }).catch(
      () => undefined,
    );
    await found?.arrayBuffer().catch(() => undefined);
    if (found?.status === 404) this.stale++;
  }
}
