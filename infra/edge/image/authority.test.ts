import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { skip } from "../../../cli/testing/skip";

/** Runs Python against the module `authority`, with an API server that is a dictionary; gives what it prints as JSON. */
function inAuthority<T>(code: string): T {
  const load = `
import datetime, importlib.util, json, sys
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("authority", ${JSON.stringify(join(__dirname, "authority.py"))})
authority = importlib.util.module_from_spec(spec)
spec.loader.exec_module(authority)
class Api:
    def __init__(self):
        self.objects, self.writes = {}, []
    def read(self, plural, namespace, name):
        return self.objects.get(f"{plural} {namespace}/{name}")
    def write(self, plural, namespace, name, content):
        self.writes.append(f"{plural} {namespace}/{name}")
        self.objects[f"{plural} {namespace}/{name}"] = content
def settings(**further):
    given = {"DOMAIN": "ballast.local", "AUTHORITY_NAMESPACE": "certificates", "EDGE_NAMESPACE": "edge", "AUTHORITY_OBJECT": "key",
      "AUTHORITY_CONFIGMAP": "ca", "CERTIFICATE_OBJECT": "tls", "LIFETIME_HOURS": "2160", "RENEW_BEFORE_HOURS": "720", **further}
    return authority.settings_of(given)
api = Api()
def keep(**further):
    before = len(api.writes)
    said = authority.keep(api, settings(**further))
    return {"said": said, "wrote": api.writes[before:]}
def later(**by):
    real = authority.now()
    authority.now = lambda: real + datetime.timedelta(**by)
${code}`;
  const { status, stdout, stderr } = spawnSync("python3", ["-W", "ignore", "-c", load], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as T;
}

interface Kept {
  readonly said: string[];
  readonly wrote: string[];
}

describe("the cluster's own authority", function () {
  this.timeout(30_000);
  before(function () {
    const { status } = spawnSync("python3", ["-c", "import cryptography"]);
    if (status !== 0) skip(this, "Python's package cryptography is not on this machine; the image has it");
  });

  it("signs a certificate for the domain and all names right below it", () => {
    const found = inAuthority<{ kept: Kept; ca: string; certificate: string; type: string }>(`
import base64
kept = keep()
secret = api.objects["secrets edge/tls"]
print(json.dumps({"kept": kept, "ca": api.objects["configmaps edge/ca"]["data"]["ca.crt"], "type": secret["type"],
  "certificate": base64.b64decode(secret["data"]["tls.crt"]).decode()}))`);
    assert.deepEqual(found.kept.wrote, ["secrets certificates/key", "configmaps edge/ca", "secrets edge/tls"]);
    assert.equal(found.type, "kubernetes.io/tls");
    const [ca, certificate] = [new X509Certificate(found.ca), new X509Certificate(found.certificate)];
    assert.ok(ca.ca && ca.verify(ca.publicKey));
    assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey) && !certificate.ca);
    assert.ok(certificate.checkHost("ballast.local") && certificate.checkHost("app.ballast.local"));
    assert.equal(certificate.checkHost("a.b.ballast.local"), undefined);
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    assert.ok(days > 89.9 && days < 90.1, `${days} days`);
  });

  it("does nothing while all is well, and renews in time with a new key, by the same authority", () => {
    const [second, early, due, keys] = inAuthority<[Kept, Kept, Kept, number]>(`
keep()
first = api.objects["secrets edge/tls"]["data"]["tls.key"]
second = keep()
later(days=59, hours=23)
early = keep()
later(hours=2)
due = keep()
print(json.dumps([second, early, due, len({first, api.objects["secrets edge/tls"]["data"]["tls.key"]})]))`);
    assert.deepEqual([second.wrote, early.wrote], [[], []]);
    assert.deepEqual(due.wrote, ["secrets edge/tls"]);
    assert.match(due.said.join(), /because it ends at \d{4}-/);
    assert.equal(keys, 2);
  });

  it("lives with a lifetime of seconds", () => {
    const [wrote, again] = inAuthority<[Kept, Kept]>(`
short = {"LIFETIME_HOURS": "0.01", "RENEW_BEFORE_HOURS": "0.005"}
wrote = keep(**short)
later(seconds=19)
again = keep(**short)
print(json.dumps([wrote, again]))`);
    assert.equal(wrote.wrote.length, 3);
    assert.deepEqual(again.wrote, ["secrets edge/tls"]);
  });

  it("makes anew what is broken, foreign, or for another name, and says why", () => {
    const said = inAuthority<Record<string, string[]>>(`
import copy
keep()
good = copy.deepcopy(api.objects)
def broken(change):
    api.objects = copy.deepcopy(good)
    change(api.objects["secrets edge/tls"]["data"])
    return keep()["said"]
other = Api()
authority.keep(other, settings())
foreign = other.objects["secrets edge/tls"]["data"]
def swap(data):
    data["tls.key"] = foreign["tls.key"]
result = {"garbage": broken(lambda data: data.update({"tls.crt": "bm8="})), "foreign": broken(lambda data: data.update(foreign)),
  "swapped": broken(swap), "missing": broken(lambda data: data.pop("tls.key"))}
api.objects = copy.deepcopy(good)
result["domain"] = keep(DOMAIN="other.local")["said"]
api.objects = copy.deepcopy(good)
api.objects.pop("secrets certificates/key")
result["authority"] = keep()["said"]
print(json.dumps(result))`);
    const ends = (name: string) => said[name]?.at(-1)?.replace(/.*because /, "");
    assert.equal(ends("garbage"), "there is none that can be read");
    assert.equal(ends("missing"), "there is none that can be read");
    assert.equal(ends("foreign"), "the authority did not sign it");
    assert.equal(ends("swapped"), "its key is another's");
    assert.equal(ends("domain"), "it is for other names");
    assert.deepEqual(said["authority"]?.slice(0, 2), ["made the authority", "published the authority's certificate"]);
    assert.equal(ends("authority"), "the authority did not sign it");
  });

  it("tells no key to the log", () => {
    const said = inAuthority<string[]>(`print(json.dumps(keep()["said"]))`);
    assert.doesNotMatch(said.join("\n"), /PRIVATE|BEGIN/);
  });
});
