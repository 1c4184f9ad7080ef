import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { skip } from "../../../../cli/testing/skip";

const program = join(__dirname, "supervise.py");

function groupLives(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}

describe("PID 1 of the Postgres container", function () {
  this.timeout(60_000);
  let folder: string;
  let running: ChildProcess[];
  let said: string;

  before(function () {
    const python = spawnSync("python3", ["-c", "import os; os.waitstatus_to_exitcode"]);
    if (python.status !== 0) skip(this, "there is no Python 3.9 or later on PATH");
    if (spawnSync("openssl", ["version"]).status !== 0) skip(this, "there is no openssl on PATH");
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-supervise-"));
    said = "";
    running = [];
  });
  afterEach(() => {
    // The whole group: what the supervisor started would outlive it otherwise.
    for (const { pid } of running) if (pid !== undefined && groupLives(pid)) process.kill(-pid, "SIGKILL");
    rmSync(folder, { recursive: true });
  });

  const lines = (): string[] => {
    const path = join(folder, "log");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };

  /** Starts the supervisor over a shell script, which finds $LOG to write to. */
  function supervise(script: string, prefix: readonly string[] = []): ChildProcess {
    writeFileSync(join(folder, "script"), script);
    const [command = "", ...args] = [...prefix, "python3", program, "sh", join(folder, "script")];
    const child = spawn(command, args, {
      env: {
        ...process.env,
        POSTGRES_TLS_DIR: join(folder, "tls"),
        POSTGRES_VOLUME_LOCK: join(folder, "lock"),
        LOG: join(folder, "log"),
      },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    running.push(child);
    return child;
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(20);
  }

  async function exitCode(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  }

  it("starts a killed command again, and stays", async () => {
    const child = supervise('echo $$ >>"$LOG"; exec sleep 1000');
    await until(() => lines().length === 1);
    process.kill(Number(lines()[0]), "SIGKILL");
    await until(() => lines().length === 2);
    assert.equal(child.exitCode, null);
    assert.match(said, /sh was killed by SIGKILL; starting it again in 0\.0 s/);
    child.kill("SIGTERM");
    await exitCode(child);
  });

  it("gives up a command that never stays up, with its status", async () => {
    assert.equal(await exitCode(supervise('echo start >>"$LOG"; exit 3')), 3);
    assert.equal(lines().length, 5);
    assert.match(said, /sh ended with status 3, 5 times in a row; giving up/);
  });

  it("forwards a request to stop, and ends as the command does", async () => {
    const child = supervise(
      'trap \'echo stopped >>"$LOG"; exit 7\' TERM; echo up >>"$LOG"; while :; do sleep 0.05; done',
    );
    await until(() => lines().includes("up"));
    child.kill("SIGTERM");
    assert.equal(await exitCode(child), 7);
    assert.deepEqual(lines(), ["up", "stopped"]);
  });

  it("forwards a request to read the configuration again", async () => {
    const child = supervise('trap \'echo reloaded >>"$LOG"\' HUP; echo up >>"$LOG"; while :; do sleep 0.05; done');
    await until(() => lines().includes("up"));
    child.kill("SIGHUP");
    await until(() => lines().includes("reloaded"));
    assert.equal(child.exitCode, null);
  });

  it("stops what a killed command left running, and reaps it", async function () {
    if (process.getuid?.() !== 0) skip(this, "a process namespace needs root");
    // Started with the supervisor as process 1, as in the container. The second start finds the first one's server.
    const server = `import os, signal, sys
note = lambda word: print(word, file=open(os.environ["LOG"], "a"))
signal.signal(signal.SIGINT, lambda *_: (note("interrupted"), sys.exit(0)))
note("orphan")
while True: signal.pause()
`;
    writeFileSync(join(folder, "server.py"), server);
    const script = `if [ ! -e "$LOG" ]; then
  python3 ${join(folder, "server.py")} &
  until grep -q orphan "$LOG"; do sleep 0.05; done
  kill -9 $$
fi
echo again >>"$LOG"
exec sleep 1000
`;
    const child = supervise(script, ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGTERM"]);
    await until(() => lines().includes("again"));
    const inner = spawnSync("ps", ["--ppid", String(child.pid), "-o", "pid="], { encoding: "utf8" }).stdout.trim();
    process.kill(Number(inner), "SIGTERM");
    await exitCode(child);
    assert.deepEqual(lines(), ["orphan", "again", "interrupted"]);
  });

  it("waits for the end of another that runs on the same volume, and says so", async () => {
    const script = 'echo $$ >>"$LOG"; exec sleep 1000';
    const first = supervise(script);
    await until(() => lines().length === 1);
    const second = supervise(script);
    await until(() => said.includes("lock is locked: another container still runs on this volume"));
    assert.equal(lines().length, 1);
    // The way a pod deleted by force ends: nobody unlocks anything.
    first.kill("SIGKILL");
    await until(() => lines().length === 2);
    assert.match(said, /lock is free; going on/);
    assert.equal(second.exitCode, null);
  });

  it("ends while it waits for the volume, when it is asked to", async () => {
    supervise('echo $$ >>"$LOG"; exec sleep 1000');
    await until(() => lines().length === 1);
    const second = supervise('echo $$ >>"$LOG"; exec sleep 1000');
    await until(() => said.includes("lock is locked"));
    second.kill("SIGTERM");
    assert.equal(await exitCode(second), 0);
    assert.equal(lines().length, 1);
  });

  it("makes a TLS pair that only its owner reads, and keeps one that is there", async () => {
    await exitCode(supervise("exit 0"));
    const [key, certificate] = [join(folder, "tls", "server.key"), join(folder, "tls", "server.crt")];
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const before = readFileSync(certificate, "utf8");
    assert.match(before, /BEGIN CERTIFICATE/);
    await exitCode(supervise("exit 0"));
    assert.equal(readFileSync(certificate, "utf8"), before);
  });

  it("without a command says how it is used", () => {
    const { status, stderr } = spawnSync("python3", [program], { encoding: "utf8" });
    assert.equal(status, 64);
    assert.match(stderr, /usage: supervise COMMAND/);
  });
});
