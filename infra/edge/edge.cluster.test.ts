import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import { join } from "node:path";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { skip } from "../../cli/testing/skip";
import { hostUnfit, loadImages } from "../../local/cluster";
import { run } from "../../local/cluster/command";
import { lines, sharedCluster, type SharedCluster } from "../../local/cluster/testing";
import { destroy, up } from "../../local/engine";
import { TestProject } from "../../local/engine/testing/project";
import { imageReference } from "../imageReference";

const domain = "ballast.local";
const certificates = "test-certificates";

/** The edge alone, as the local stack has it. */
const program = `
  import { embeddedCluster } from "${join(__dirname, "../cluster/embedded")}";
  import { parseBytes, parseCpu } from "${join(__dirname, "../config/quantity")}";
  import { Foundation } from "${join(__dirname, "../foundation/foundation")}";
  import { Edge } from "${join(__dirname, "edge")}";

  const quota = { cpu: parseCpu("4")!, memory: parseBytes("2Gi")!, storage: parseBytes("1Gi")!, pods: 20 };
  const guardrails = { project: "ballast", stack: "local", environment: "local" } as const;
  const namespaces = { "test-edge": quota, "${certificates}": quota };
  const foundation = new Foundation("foundation", { namespaces, guardrails });
  const cluster = embeddedCluster({ kind: "embedded", domain: "${domain}" });
  const edge = new Edge(
    "test-edge",
    { cluster, namespace: "test-edge", certificatesNamespace: "${certificates}" },
    { dependsOn: [foundation] },
  );
  export const ports = edge.ports;
  export const authority = edge.authority;
`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

describe("the edge on a real cluster", function () {
  this.timeout(300_000);
  let cluster: SharedCluster;
  let project: TestProject;
  let ports: { readonly http: number; readonly https: number };
  let authority: string;

  before(async function () {
    this.timeout(1_800_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    await loadImages(cluster.name, [imageReference("traefik"), imageReference("edge-tools")], lines);
    const stack = `config:\n  kubernetes:kubeconfig: ${cluster.kubeconfig}\n`;
    project = new TestProject({ name: "edge", program, stacks: { dev: stack } });
    const { result, outputs, diagnostics } = await up({ ...project.options(), skipPreview: true });
    assert.equal(result, "succeeded", JSON.stringify(diagnostics));
    const found = outputs as unknown as { ports: typeof ports; authority: string };
    ports = found.ports;
    authority = found.authority;
    // The stack waits for the Gateway; Traefik takes routes over every two seconds.
    await until("the page", 60, async () => ((await ask("/")).status === 200 ? true : undefined));
  });
  after(async function () {
    this.timeout(300_000);
    if ((project as TestProject | undefined) === undefined) return;
    await destroy(project.options());
    project.remove();
  });

  const kubectl = async (args: readonly string[], input = "") =>
    (await run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args], { input })).stdout;

  /** One request by HTTP/2, the server's certificate verified against the authority and the name. */
  async function ask(path: string, headers: Record<string, string> = {}, host = `app.${domain}`): Promise<Answer> {
    const session = http2.connect(`https://${host}`, {
      createConnection: () =>
        connect({ host: "127.0.0.1", port: ports.https, servername: host, ca: authority, ALPNProtocols: ["h2"] }),
    });
    try {
      return await new Promise<Answer>((resolve, reject) => {
        session.on("error", reject);
        const stream = session.request({ ":path": path, ...headers });
        stream.on("error", reject);
        let answered: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
        const parts: Buffer[] = [];
        stream.on("response", (given) => (answered = given));
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          const shown = Object.entries(answered).map(([name, value]) => [name, value?.toString()] as const);
          const body = Buffer.concat(parts).toString("latin1");
          resolve({ status: Number(answered[":status"]), headers: Object.fromEntries(shown), body });
        });
      });
    } finally {
      session.close();
    }
  }

  /** A TLS handshake, without any request. */
  function handshake(
    servername: string,
    further: object = {},
  ): Promise<{ certificate: PeerCertificate; alpn: string }> {
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({
        ...{ host: "127.0.0.1", port: ports.https, servername, ca: authority },
        ...{ ALPNProtocols: ["h2", "http/1.1"], ...further },
      });
      socket.on("error", reject);
      socket.on("secureConnect", () => {
        resolve({ certificate: socket.getPeerCertificate(), alpn: String(socket.alpnProtocol) });
        socket.destroy();
      });
    });
  }

  async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`${what} did not come within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  it("sends HTTP to HTTPS, at the port where it is", async () => {
    const location = await new Promise<string>((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: ports.http,
        path: "/api/v1/x?y=1",
        headers: { host: `app.${domain}` },
      };
      http
        .get({ ...options, agent: false }, (answer) => {
          answer.resume();
          resolve(`${answer.statusCode} ${answer.headers.location}`);
        })
        .on("error", reject);
    });
    assert.equal(location, `301 https://app.${domain}:${ports.https}/api/v1/x?y=1`);
  });

  it("shows a certificate of its own authority for every name of the domain, and speaks HTTP/2", async () => {
    for (const name of [domain, `app.${domain}`, `other.${domain}`]) {
      const { certificate, alpn } = await handshake(name);
      assert.equal(certificate.subjectaltname, `DNS:${domain}, DNS:*.${domain}`);
      assert.equal(alpn, "h2");
    }
    await assert.rejects(handshake("app.elsewhere.example"), /unrecognized name|alert/i);
    await assert.rejects(handshake(`app.${domain}`, { ca: undefined }), /certificate/);
    await assert.rejects(handshake(`app.${domain}`, { maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
    assert.ok(new X509Certificate(authority).ca);
    assert.match(new X509Certificate(authority).subject, /Ballast authority of ballast\.local/);
  });

  it("answers with the headers of every answer, and tells backends the version that was asked for", async () => {
    const page = await ask("/");
    assert.equal(page.status, 200);
    assert.match(page.body, /The edge of ballast\.local works/);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    assert.match(page.headers["strict-transport-security"] ?? "", /max-age=31536000/);
    const versioned = await ask("/api/v1/orders");
    assert.equal(versioned.status, 404);
    assert.equal((JSON.parse(versioned.body) as { apiVersion?: string }).apiVersion, "1");
    assert.equal((JSON.parse((await ask("/api/orders")).body) as { apiVersion?: string }).apiVersion, undefined);
  });

  it("knows no other host", async () => {
    assert.equal(
      (await ask("/", { host: "app.elsewhere.example", ":authority": "app.elsewhere.example" })).status,
      404,
    );
  });

  it("compresses what is worth it", async () => {
    for (const encoding of ["br", "gzip"]) {
      const { headers, body } = await ask("/", { "accept-encoding": encoding });
      assert.equal(headers["content-encoding"], encoding);
      assert.ok(body.length < 1024, `${body.length} bytes`);
    }
    const small = await ask("/api/x", { "accept-encoding": "gzip" });
    assert.equal(small.headers["content-encoding"], undefined);
  });

  it("counts requests down, refuses those beyond the limit with 429, and lets the client in again", async () => {
    const first = await ask("/auth/login", { "x-api-key": "somebody" });
    assert.equal(first.headers["x-ratelimit-limit"], "10, 10;w=60");
    assert.match(first.headers["x-ratelimit-remaining"] ?? "", /^\d$/);
    assert.match(first.headers["x-ratelimit-reset"] ?? "", /^([1-9]|[1-5]\d|60)$/);
    let refused: Answer | undefined;
    // Twice the limit and one: the window may end once on the way.
    for (let sent = 0; sent < 21 && refused === undefined; sent++) {
      const answer = await ask("/auth/login", { "x-api-key": "somebody" });
      if (answer.status === 429) refused = answer;
    }
    assert.ok(refused, "no request was refused");
    assert.equal(refused.headers["x-ratelimit-limit"], "10, 10;w=60");
    assert.equal(refused.headers["x-ratelimit-remaining"], "0");
    assert.equal(refused.headers["retry-after"], refused.headers["x-ratelimit-reset"]);
    assert.equal(refused.headers["content-type"], "application/problem+json");
    assert.equal(refused.headers["x-content-type-options"], "nosniff");
    assert.equal((await ask("/api/x")).headers["x-ratelimit-limit"], "100, 100;w=60");
    await until("the next window", 70, async () =>
      (await ask("/auth/login", { "x-api-key": "somebody" })).status === 429 ? undefined : true,
    );
  });

  it("renews the certificate before it ends, and serves the new one without a refused connection", async () => {
    const before = (await handshake(`app.${domain}`)).certificate;
    interface Jobs {
      readonly spec: { readonly jobTemplate: { readonly spec: object } };
    }
    const cronJob = JSON.parse(
      await kubectl(["get", "cronjob", "-n", certificates, "test-edge-authority", "-o", "json"]),
    ) as Jobs;
    /** A run of the job, with the time before the certificate's end at which it is renewed. */
    const renew = async (name: string, hours: string) => {
      const job = {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name, namespace: certificates },
        spec: JSON.parse(
          JSON.stringify(cronJob.spec.jobTemplate.spec).replace(
            /("RENEW_BEFORE_HOURS","value":)"\d+"/,
            (_, key: string) => `${key}"${hours}"`,
          ),
        ) as object,
      };
      await kubectl(["apply", "-f", "-"], JSON.stringify(job));
      await kubectl(["wait", "-n", certificates, "--for=condition=complete", "--timeout=120s", `job/${name}`]);
      return kubectl(["logs", "-n", certificates, `job/${name}`]);
    };
    assert.match(await renew("not-due", "720"), /everything is there and lasts/);
    assert.equal((await handshake(`app.${domain}`)).certificate.serialNumber, before.serialNumber);
    assert.match(await renew("due", "2160"), /made certificate .* because it ends at/);
    // Every handshake on the way succeeds, with the one or the other.
    const after = await until("the new certificate", 60, async () => {
      const { certificate } = await handshake(`app.${domain}`);
      return certificate.serialNumber === before.serialNumber ? undefined : certificate;
    });
    assert.ok(Date.parse(after.valid_to) > Date.parse(before.valid_to));
  });

  it("gives what serves the traffic no access to the authority's key, nor the authority more than its own", async () => {
    const may = async (account: string, verb: string, object: string, namespace: string) =>
      (
        await run(
          cluster.kubectl,
          [
            ...["--kubeconfig", cluster.kubeconfig, "auth", "can-i", verb, object, "-n", namespace],
            ...["--as", `system:serviceaccount:${account}`],
          ],
          { accept: [0, 1] },
        )
      ).stdout.trim();
    const [edge, signer] = ["test-edge:test-edge", `${certificates}:test-edge-authority`];
    assert.equal(await may(edge, "get", "secret/test-edge-authority-key", certificates), "no");
    assert.equal(await may(edge, "get", "secret/edge-certificate", "test-edge"), "yes");
    assert.equal(await may(signer, "patch", "secret/edge-certificate", "test-edge"), "yes");
    assert.equal(await may(signer, "create", "secret", "test-edge"), "no");
    assert.equal(await may(signer, "get", "secret/other", "test-edge"), "no");
    assert.equal(await may(signer, "list", "secret", certificates), "no");
  });

  it("keeps no private key in the stack's state", () => {
    assert.doesNotMatch(project.checkpoint(), /PRIVATE KEY|tls\.key/);
    assert.match(project.checkpoint(), /BEGIN CERTIFICATE/);
  });
});
