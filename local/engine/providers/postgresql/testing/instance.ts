import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";

const run = promisify(execFile);
const BIN = "/usr/lib/postgresql/15/bin";

/** Why there can be no server here; undefined when there can. */
export function missing(): string | undefined {
  if (!existsSync(join(BIN, "initdb"))) return `${BIN}/initdb is not there: apt-get install postgresql-15`;
  if (process.getuid?.() === 0 && !existsSync("/sbin/runuser") && !existsSync("/usr/sbin/runuser")) {
    return "running as root needs runuser, since PostgreSQL refuses to run as root";
  }
  return undefined;
}

export interface InstanceOptions {
  /**
   * Of the superuser `postgres`.
   * @default "superuser's secret"
   */
  readonly password?: string;
  /**
   * Settings of postgresql.conf on top of, or in place of, those for tests.
   * @default none
   */
  readonly settings?: Readonly<Record<string, string>>;
}

/** For tests: what is written need not outlive the machine, and every statement is to be seen. */
const TEST_SETTINGS = { fsync: "off", log_statement: "all" };

/** A real PostgreSQL 15 in a temporary folder, on a free port of 127.0.0.1, with SCRAM logins and TLS. */
export class Instance {
  private server: ChildProcess | undefined;
  private constructor(
    private readonly folder: string,
    readonly port: number,
    readonly password: string,
  ) {}

  static async start({ password = "superuser's secret", settings = {} }: InstanceOptions = {}): Promise<Instance> {
    const folder = await mkdtemp(join(tmpdir(), "ballast-pg-"));
    const instance = new Instance(folder, await freePort(), password);
    await instance.initialise({ ...TEST_SETTINGS, ...settings });
    await instance.up();
    return instance;
  }

  get certificate(): string {
    return join(this.folder, "ca.crt");
  }

  /** Of `pg_authid` and all else: a connection of the superuser's. */
  async query(sql: string, values: unknown[] = [], database = "postgres"): Promise<Record<string, unknown>[]> {
    const client = this.client("postgres", this.password, database);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  client(user: string, password: string, database = "postgres"): Client {
    return new Client({ host: "127.0.0.1", port: this.port, user, password, database });
  }

  async log(): Promise<string> {
    return (await run("cat", [join(this.folder, "log")])).stdout;
  }

  async up(): Promise<void> {
    const [program, prefix] = asServerUser([join(BIN, "postgres")]);
    const command = `exec "$0" "$@" >> ${join(this.folder, "log")} 2>&1`;
    const options = ["-D", join(this.folder, "data"), "-p", String(this.port), "-k", this.folder];
    this.server = spawn("/bin/sh", ["-c", command, program, ...prefix, ...options], { stdio: "ignore" });
    for (;;) {
      if (this.server.exitCode !== null) throw new Error(`postgres did not start: ${await this.log()}`);
      const ready = await run(join(BIN, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(this.port)]).then(
        () => true,
        () => false,
      );
      if (ready) return;
    }
  }

  /** Ends the server as a failover does: at once, with its connections. */
  async down(): Promise<void> {
    const server = this.server;
    if (!server || server.exitCode !== null) return;
    this.server = undefined;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    const [program, prefix] = asServerUser([join(BIN, "pg_ctl")]);
    await run(program, [...prefix, "stop", "-D", join(this.folder, "data"), "-m", "immediate"]);
    await ended;
  }

  async remove(): Promise<void> {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async initialise(chosen: Readonly<Record<string, string>>): Promise<void> {
    const secret = join(this.folder, "secret");
    await writeFile(secret, `${this.password}\n`);
    const key = join(this.folder, "server.key");
    await run("openssl", [
      ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost".split(
        " ",
      ),
      ...["-keyout", key, "-out", this.certificate],
    ]);
    await copyFile(this.certificate, join(this.folder, "server.crt"));
    await chmod(key, 0o600);
    await chmod(this.folder, 0o755);
    const owner = await serverUserId();
    if (owner !== undefined) {
      for (const path of [this.folder, secret, key]) await chown(path, owner, -1);
    }
    const data = join(this.folder, "data");
    const [program, prefix] = asServerUser([join(BIN, "initdb")]);
    await run(program, [
      ...prefix,
      ...[
        "-D",
        data,
        "-U",
        "postgres",
        "--pwfile",
        secret,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
      ],
    ]);
    const settings = [
      "listen_addresses = '127.0.0.1'",
      ...Object.entries(chosen).map(([name, value]) => `${name} = '${value}'`),
      "ssl = on",
      `ssl_cert_file = '${join(this.folder, "server.crt")}'`,
      `ssl_key_file = '${key}'`,
    ];
    const [shell, shellPrefix] = asServerUser(["/bin/sh", "-c", `cat >> ${join(data, "postgresql.conf")}`]);
    const writing = run(shell, shellPrefix);
    writing.child.stdin?.end(`${settings.join("\n")}\n`);
    await writing;
  }
}

/** PostgreSQL refuses to run as root: then it runs as `postgres`, the user of Debian's package. */
function asServerUser(command: string[]): [program: string, args: string[]] {
  const [program = "", ...args] = command;
  return process.getuid?.() === 0 ? ["runuser", ["-u", "postgres", "--", program, ...args]] : [program, args];
}

async function serverUserId(): Promise<number | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return Number((await run("id", ["-u", "postgres"])).stdout);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("no free port"));
      });
    });
  });
}
