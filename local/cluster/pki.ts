import { webcrypto, randomBytes } from "node:crypto";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type * as x509 from "@peculiar/x509";
import type { Plan } from "./plan";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Who the nodes' enforcers of network policies are to the API server. */
export const networkPoliciesUser = "ballast:network-policies";

const tenYears = 3650 * 24 * 3600 * 1000;

interface Identity {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

interface Leaf {
  readonly file: string;
  readonly commonName: string;
  readonly organization?: string;
  /** Names and addresses that it serves; without any it is a client's certificate only. */
  readonly names?: readonly string[];
}

/** Paths of a cluster's certificates: `crt("admin")`, `key("admin")`. */
export function pki(plan: Plan) {
  const directory = join(plan.directory, "pki");
  return {
    directory,
    crt: (name: string) => join(directory, `${name}.crt`),
    key: (name: string) => join(directory, `${name}.key`),
  };
}

function authorities(plan: Plan): Record<string, readonly Leaf[]> {
  const own = [plan.hostAddress, "127.0.0.1", "localhost"];
  const service = ["kubernetes", "default", "svc", "cluster", "local"];
  const serviceNames = [1, 2, 3, 5].map((count) => service.slice(0, count).join("."));
  return {
    ca: [
      {
        file: "apiserver",
        commonName: "kube-apiserver",
        names: [...own, ...serviceNames, plan.serviceCidr.replace(/\.0\/\d+$/, ".1")],
      },
      { file: "apiserver-kubelet-client", commonName: "kube-apiserver-kubelet-client", organization: "system:masters" },
      { file: "admin", commonName: "ballast-admin", organization: "system:masters" },
      { file: "controller-manager", commonName: "system:kube-controller-manager", names: own },
      { file: "scheduler", commonName: "system:kube-scheduler", names: own },
      { file: "kube-proxy", commonName: "system:kube-proxy" },
      { file: "local-volumes", commonName: "ballast:local-volumes" },
      { file: "network-policies", commonName: networkPoliciesUser },
      ...plan.nodes.map((node) => ({
        file: node.name,
        commonName: `system:node:${node.name}`,
        organization: "system:nodes",
        names: [node.name, node.address],
      })),
    ],
    "etcd-ca": [
      { file: "etcd", commonName: "etcd", names: own },
      { file: "etcd-client", commonName: "kube-apiserver" },
    ],
    "front-proxy-ca": [{ file: "front-proxy-client", commonName: "front-proxy-client" }],
  };
}

/** Writes the certificates that are missing; those that are there stay. */
export async function ensurePki(plan: Plan): Promise<void> {
  const files = pki(plan);
  await mkdir(files.directory, { recursive: true, mode: 0o700 });
  for (const [authority, leaves] of Object.entries(authorities(plan))) {
    const missing = await filter(leaves, async (leaf) => !(await exists(files.crt(leaf.file))));
    if (missing.length === 0 && (await exists(files.crt(authority)))) continue;
    const issuer = (await load(files.crt(authority), files.key(authority))) ?? (await createAuthority(plan, authority));
    for (const leaf of missing) await issue(plan, issuer, leaf);
  }
  if (!(await exists(files.key("service-account")))) {
    const keys = await generate();
    await save(
      files.directory,
      "service-account.pub",
      await pem("PUBLIC KEY", await webcrypto.subtle.exportKey("spki", keys.publicKey)),
    );
    await save(files.directory, "service-account.key", await privatePem(keys.privateKey));
  }
}

async function filter<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_, index) => kept[index]);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validity() {
  // An hour back, for a clock that is put right after the start.
  return { notBefore: new Date(Date.now() - 3600_000), notAfter: new Date(Date.now() + tenYears) };
}

const serial = () => `01${randomBytes(15).toString("hex")}`;

/** Loaded when a certificate is to be made: it takes longer than everything else that an `up` with no change does. */
const library = (): Promise<typeof x509> => import("@peculiar/x509");

async function createAuthority(plan: Plan, name: string): Promise<Identity> {
  const x509 = await library();
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [`${plan.name} ${name}`] }],
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const identity = { certificate, privateKey: keys.privateKey };
  await saveIdentity(plan, name, identity);
  return identity;
}

async function issue(plan: Plan, issuer: Identity, leaf: Leaf): Promise<void> {
  const x509 = await library();
  const keys = await generate();
  const names = (leaf.names ?? []).map((value) => ({
    type: /^[\d.]+$/.test(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  const uses = [x509.ExtendedKeyUsage.clientAuth, ...(names.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : [])];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [leaf.commonName] }, ...(leaf.organization ? [{ O: [leaf.organization] }] : [])],
    issuer: issuer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(uses),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  await saveIdentity(plan, leaf.file, { certificate, privateKey: keys.privateKey });
}

async function load(certificatePath: string, keyPath: string): Promise<Identity | undefined> {
  if (!(await exists(certificatePath))) return undefined;
  const x509 = await library();
  const certificate = new x509.X509Certificate(await readFile(certificatePath, "utf8"));
  const [der] = x509.PemConverter.decode(await readFile(keyPath, "utf8"));
  if (!der) throw new Error(`${keyPath} holds no key; remove ${certificatePath} and bring the cluster up again`);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
  return { certificate, privateKey };
}

async function pem(label: string, der: ArrayBuffer): Promise<string> {
  return `${(await library()).PemConverter.encode(der, label)}\n`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", key));
}

/** The certificate is written last: where it is, its key is too. */
async function saveIdentity(plan: Plan, name: string, { certificate, privateKey }: Identity): Promise<void> {
  const { directory } = pki(plan);
  await save(directory, `${name}.key`, await privatePem(privateKey));
  await save(directory, `${name}.crt`, `${certificate.toString("pem")}\n`);
}

async function save(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
