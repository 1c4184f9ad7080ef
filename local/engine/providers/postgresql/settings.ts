import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { type CheckFailure, type CheckResponse, ProviderError } from "../../provider";
import { isMap, type PropertyMap, type PropertyValue, UNKNOWN } from "../../values";
import { checkInputs, type Schema } from "../schema";

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Where and how to connect. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string | undefined;
  /** The database for what belongs to the server as a whole, and the default one of schemas and extensions. */
  readonly database: string;
  readonly sslmode: SslMode;
  readonly tls: ConnectionOptions;
  /** Seconds for one connection, and at most for all tries of it. */
  readonly connectTimeout: number;
  readonly maxConnections: number;
  /** False where the user may not read `pg_authid`, such as on a managed service. */
  readonly superuser: boolean;
}

const schema: Schema = {
  host: { type: "string" },
  port: { type: "integer", minimum: 1, maximum: 65535 },
  username: { type: "string" },
  password: { type: "string" },
  database: { type: "string" },
  sslmode: { type: "string", oneOf: SSL_MODES },
  sslMode: { type: "string", oneOf: SSL_MODES },
  sslrootcert: { type: "string" },
  clientcert: { type: "map" },
  connectTimeout: { type: "integer", minimum: 0 },
  maxConnections: { type: "integer", minimum: 0 },
  superuser: { type: "boolean" },
  databaseUsername: { type: "string" },
  expectedVersion: { type: "string" },
  scheme: { type: "string", oneOf: ["postgres"] },
  awsRdsIamAuth: { type: "boolean" },
  awsRdsIamProfile: { type: "string" },
  awsRdsIamProviderRoleArn: { type: "string" },
  awsRdsIamRegion: { type: "string" },
  azureIdentityAuth: { type: "boolean" },
  azureTenantId: { type: "string" },
  gcpIamImpersonateServiceAccount: { type: "string" },
};

/** What only the provider plugin of the Pulumi CLI can do. */
const CLOUD_LOGINS = ["awsRdsIamAuth", "azureIdentityAuth", "gcpIamImpersonateServiceAccount"];

export function checkConfig(raw: PropertyMap): CheckResponse {
  const inputs = { ...raw };
  // The engine records these among a provider's inputs, as the CLI does; they are not its settings.
  delete inputs.version;
  delete inputs.pluginDownloadURL;
  const failures: CheckFailure[] = [];
  if (typeof inputs.clientcert === "string") {
    const parsed = parseJson(inputs.clientcert);
    if (isMap(parsed)) inputs.clientcert = parsed;
  }
  const checked = checkInputs(schema, inputs);
  failures.push(...checked.failures);
  for (const key of CLOUD_LOGINS) {
    if (checked.inputs[key] === true || (typeof checked.inputs[key] === "string" && checked.inputs[key] !== "")) {
      failures.push({
        property: key,
        reason: "the embedded engine logs in by password or certificate only; use the Pulumi CLI",
      });
    }
  }
  return { inputs: checked.inputs, failures };
}

function parseJson(text: string): PropertyValue | undefined {
  try {
    return JSON.parse(text) as PropertyValue;
  } catch {
    // Reported by the check of its type.
    return undefined;
  }
}

/**
 * Settings from the provider's inputs, then the environment as libpq reads it, then upstream's defaults. `undefined` while any input is
 * unknown: the server is still to be made.
 * @throws ProviderError when a certificate file cannot be read.
 */
export function resolveSettings(raw: PropertyMap, env: NodeJS.ProcessEnv = process.env): Settings | undefined {
  const { inputs } = checkConfig(raw);
  if (Object.values(inputs).includes(UNKNOWN)) return undefined;
  const text = (key: string, variable: string): string | undefined => {
    const value = inputs[key];
    return typeof value === "string" && value !== "" ? value : env[variable] || undefined;
  };
  const number = (key: string, variable: string, fallback: number): number => {
    const value = inputs[key] ?? env[variable];
    return value === undefined || value === "" ? fallback : Number(value);
  };
  const sslmode = text("sslmode", "PGSSLMODE") ?? text("sslMode", "PGSSLMODE") ?? "prefer";
  return {
    host: text("host", "PGHOST") ?? "localhost",
    port: number("port", "PGPORT", 5432),
    username: text("username", "PGUSER") ?? "postgres",
    password: text("password", "PGPASSWORD"),
    database: text("database", "PGDATABASE") ?? "postgres",
    sslmode: sslmode as SslMode,
    tls: tlsOptions(sslmode as SslMode, text("sslrootcert", "PGSSLROOTCERT"), inputs.clientcert),
    connectTimeout: number("connectTimeout", "PGCONNECT_TIMEOUT", 180),
    maxConnections: number("maxConnections", "", 20),
    superuser: inputs.superuser !== false,
  };
}

function tlsOptions(
  mode: SslMode,
  rootCertificate: string | undefined,
  client: PropertyValue | undefined,
): ConnectionOptions {
  const options: ConnectionOptions = {};
  if (rootCertificate !== undefined) options.ca = pem(rootCertificate, "sslrootcert");
  if (isMap(client) && typeof client.cert === "string" && typeof client.key === "string") {
    options.cert = pem(client.cert, "clientcert.cert");
    options.key = pem(client.key, "clientcert.key");
  }
  // As in libpq: "require" with a root certificate verifies it.
  const verifies = mode.startsWith("verify-") || (mode === "require" && rootCertificate !== undefined);
  options.rejectUnauthorized = verifies;
  if (verifies && mode !== "verify-full") options.checkServerIdentity = () => undefined;
  return options;
}

/** The certificate itself, or the file that holds it. */
function pem(value: string, property: string): string {
  if (value.includes("-----BEGIN")) return value;
  try {
    return readFileSync(value, "utf8");
  } catch (error) {
    throw new ProviderError(`cannot read ${value} (postgresql provider, ${property}): ${(error as Error).message}`);
  }
}
