import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../../cli/testing/skip";
import { silent } from "../progress";
import { ImageUnavailable, imageArchive, listImages } from "./index";
import { readMember } from "./tar";

const mebibyte = 2 ** 20;
const largestPostgres = 350 * mebibyte;

interface Configuration {
  readonly config: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
  };
  readonly history: readonly { readonly created_by?: string }[];
}

/** What must be on this machine's side only: its own certificate authorities, proxies and package indexes. */
function hostTraces(): string[] {
  const debian = new Set(
    execFileSync("sh", ["-c", "cat /usr/share/ca-certificates/*/*.crt"], { encoding: "utf8" }).split("\n"),
  );
  const authorities = readFileSync("/etc/ssl/certs/ca-certificates.crt", "utf8").split("\n");
  const own = authorities.filter((line) => line.length === 64 && !debian.has(line)).slice(0, 5);
  const variables = Object.entries(process.env)
    .filter(([name]) => /^(https?|all)_proxy$|^PIP_(EXTRA_)?INDEX_URL$/i.test(name))
    .map(([, value]) => value ?? "");
  return [...own, ...variables, "cert = /run/secrets/ca.pem"].filter(Boolean);
}

describe("the images of this repository", function () {
  this.timeout(1_800_000);

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "images are assembled as root");
  });

  it("can all be had here, or are named with the reason", async () => {
    for (const { reference, source, reason } of await listImages()) {
      if (source === "unavailable") {
        assert.ok(reason);
        await assert.rejects(imageArchive(reference, silent), ImageUnavailable);
        continue;
      }
      const manifest = JSON.parse(
        (await readMember(await imageArchive(reference, silent), "manifest.json")) ?? "[]",
      ) as {
        RepoTags: string[];
      }[];
      assert.deepEqual(manifest[0]?.RepoTags, [reference]);
    }
  });

  describe("Postgres", () => {
    let archive: string;
    let folder: string;
    let root: string;

    before(async () => {
      const [status] = (await listImages()).filter(({ name }) => name === "postgres-ha");
      archive = await imageArchive(status?.reference ?? "", silent);
      folder = mkdtempSync(join(tmpdir(), "ballast-postgres-image-"));
      root = join(folder, "root");
      const script = `mkdir "$2" && cd "$1" && tar -xf "$0" && for layer in $(sed 's/.*"Layers":\\[//; s/\\].*//; s/[",]/ /g' manifest.json); do tar -xf "$layer" -C "$2"; done`;
      execFileSync("sh", ["-c", script, archive, folder, root]);
    });
    after(() => rmSync(folder, { recursive: true }));

    it("is small enough to be imported by every node", () => assert.ok(statSync(archive).size < largestPostgres));

    it("runs as postgres with the supervisor first", async () => {
      const [image] = JSON.parse((await readMember(archive, "manifest.json")) ?? "[]") as { Config: string }[];
      const configuration = JSON.parse((await readMember(archive, image?.Config ?? "")) ?? "{}") as Configuration;
      assert.equal(configuration.config.User, "999:999");
      assert.deepEqual(configuration.config.Entrypoint, ["supervise"]);
      for (const trace of hostTraces()) assert.equal(JSON.stringify(configuration).includes(trace), false);
    });

    it("keeps nothing of the machine that built it", () => {
      for (const trace of hostTraces()) {
        const found = execFileSync("sh", ["-c", 'grep -rlF -e "$0" "$1" || true', trace, root], { encoding: "utf8" });
        assert.equal(found, "");
      }
    });

    it("has the programs that run there, and they start", () => {
      const started = (...command: string[]) =>
        execFileSync("chroot", ["--userspec=999:999", root, ...command], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
          env: { PATH: "/usr/lib/postgresql/15/bin:/opt/patroni/bin:/usr/sbin:/usr/bin:/bin", LANG: "C.UTF-8" },
        });
      assert.match(started("postgres", "--version"), /PostgreSQL\) 15\./);
      assert.match(started("psql", "--version"), /PostgreSQL\) 15\./);
      assert.match(started("patroni", "--version"), /patroni 4\.1\.5/);
      assert.match(started("pgbackrest", "version"), /pgBackRest/);
      assert.match(started("python3", "-c", "import psycopg2; print('driver')"), /driver/);
    });
  });
});
