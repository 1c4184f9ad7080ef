import { Client, DatabaseError } from "pg";
import { Recording } from "../ledger/recording";
import type { WriteLedger } from "./audit";

/** Where the primary is reached, through its Service. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export const writesTable = "ballast_failover_writes";

/** Milliseconds after which a silent connection is given up: a cut cable sends no reset. */
const writing = { connect: 1000, query: 1000 };
/** The same for what is done before and after, while nothing is measured. */
export const patient = { connect: 15_000, query: 60_000 };
/** Pause between two writes of a session, and before a new attempt to connect; milliseconds. */
const pause = 10;
/** Sessions at once, so that one which waits for its time-out does not hide that others are served. */
const sessions = 3;

export async function connect(target: Target, timeouts: typeof writing = writing): Promise<Client> {
  const client = new Client({
    ...target,
    // The members' certificates are self-signed; what is tested is the failover, not the identity.
    ssl: { rejectUnauthorized: false },
    connectionTimeoutMillis: timeouts.connect,
    query_timeout: timeouts.query,
    application_name: "ballast-failover",
  });
  // A broken connection is seen by the write that fails on it; without a listener it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await close(client);
    throw error;
  }
}

/** Ends a connection at once, also one that no longer answers. */
export async function close(client: Client): Promise<void> {
  client.connection.stream.destroy();
  await client.end().catch(() => undefined);
}

/** Writes rows with unique numbers, as many as it can, until it is stopped; survives every failure of the server. */
export class SteadyWriter {
  readonly record = new Recording();
  private stopped = false;
  private readonly running: Promise<void>[];

  /** @param nextId number of its first row; those of different writers must not meet */
  constructor(
    private readonly target: Target,
    private nextId: number,
  ) {
    this.running = Array.from({ length: sessions }, () => this.session());
  }

  /** Ends all sessions; what was sent and not answered counts as indeterminate. */
  async stop(): Promise<WriteLedger> {
    this.stopped = true;
    await Promise.all(this.running);
    return this.record.ledger;
  }

  private async session(): Promise<void> {
    while (!this.stopped) {
      const client = await connect(this.target).catch(() => undefined);
      if (client) {
        while (!this.stopped && (await this.write(client))) await sleep(pause);
        await close(client);
      } else {
        this.record.missed();
        await sleep(pause);
      }
    }
  }

  /** Sends one row; false when the connection is of no more use. */
  private async write(client: Client): Promise<boolean> {
    const id = this.nextId++;
    try {
      await client.query(`INSERT INTO ${writesTable} (id) VALUES ($1)`, [id]);
      this.record.acknowledged(id);
      return true;
    } catch (error) {
      if (refused(error)) this.record.failed(id);
      else this.record.indeterminate(id);
      return false;
    }
  }
}

/**
 * Errors after which the row is certainly not there: the server answered that it would not write, as a standby or for want of space.
 * A shutdown leaves it open, and so does a log that finds no space: that is of the same class, and ends the server in the middle.
 */
function refused(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity === "ERROR" && /^(25|53)/.test(error.code ?? "");
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
