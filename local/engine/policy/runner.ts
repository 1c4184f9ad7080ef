import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import {
  type AnalyzeResponse,
  type AnalyzerInfo,
  AnalyzerStackConfigureRequest,
  AnalyzeStackRequest,
  EnforcementLevel,
  PolicyType,
  type RemediateResponse,
} from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { parse } from "yaml";
import type { PropertyMap } from "../values";
import { fromStruct } from "../wire";
import { analyzeRequest, configureRequest, levelOf, restored, severityOf, stackResource } from "./messages";
import { type PackProcess, startPackProcess } from "./pack-process";
import { type PolicySetting, reconcile } from "./pack-config";
import type { PolicyPackOptions, PolicyResource, PolicyRunner } from "./policy";

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const END_WAIT_MS = 2000;

/**
 * Starts a policy pack and configures it. Several packs may run at once.
 * @throws Error naming the pack when it cannot be read or started, or when its configuration is wrong.
 */
export async function startPolicyPack(options: PolicyPackOptions): Promise<PolicyRunner> {
  const started = performance.now();
  const directory = resolve(options.directory);
  const program = await entryPoint(directory);
  let pack = directory;
  const onOutput = (line: string): void =>
    options.events({
      kind: "diagnostic",
      severity: "info",
      message: `${pack}: ${line}`,
      at: performance.now() - started,
    });
  const process = await startPackProcess(directory, program, environment(options), onOutput, options.signal);
  const client = new AnalyzerClient(process.address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  const runner = new Runner(options, process, client, started);
  try {
    await runner.configure();
  } catch (error) {
    await runner.close();
    throw error;
  }
  pack = runner.name;
  return runner;
}

/** The folder, or what `main` of its `PulumiPolicy.yaml` names. */
async function entryPoint(directory: string): Promise<string> {
  const file = join(directory, "PulumiPolicy.yaml");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`${directory} is no policy pack: ${(error as Error).message}`, { cause: error });
  }
  const manifest: unknown = parse(text);
  const { runtime, main } = (typeof manifest === "object" && manifest !== null ? manifest : {}) as Record<
    string,
    unknown
  >;
  const language =
    typeof runtime === "object" && runtime !== null ? (runtime as Record<string, unknown>).name : runtime;
  if (language !== "nodejs") {
    throw new Error(
      `${file}: runtime is ${JSON.stringify(language)}; the embedded engine runs packs of runtime nodejs only`,
    );
  }
  return typeof main === "string" ? join(directory, main) : directory;
}

/** What `pulumi.getStack()` and its like answer within a pack. */
function environment({ project, stack, organization, dryRun }: PolicyPackOptions): Record<string, string> {
  return {
    PULUMI_NODEJS_PROJECT: project,
    PULUMI_NODEJS_STACK: stack,
    PULUMI_NODEJS_ORGANIZATION: organization,
    PULUMI_NODEJS_DRY_RUN: String(dryRun),
  };
}

type Reply<T> = (error: ServiceError | null, response: T) => void;

class Runner implements PolicyRunner {
  private info: AnalyzerInfo | undefined;
  private settings: ReadonlyMap<string, PolicySetting> = new Map();
  private endedWith: string | undefined;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly options: PolicyPackOptions,
    private readonly process: PackProcess,
    private readonly client: AnalyzerClient,
    private readonly started: number,
  ) {
    void process.ended.then((how) => (this.endedWith = how));
  }

  get name(): string {
    return this.info?.getName() ?? this.options.directory;
  }

  async configure(): Promise<void> {
    this.info = await this.call<AnalyzerInfo>((reply) => this.client.getAnalyzerInfo(new Empty(), reply));
    this.settings = reconcile(this.info, this.options.config);
    const stack = new AnalyzerStackConfigureRequest();
    stack.setStack(this.options.stack);
    stack.setProject(this.options.project);
    stack.setOrganization(this.options.organization);
    stack.setDryRun(this.options.dryRun);
    await this.call((reply) => this.client.configureStack(stack, reply));
    await this.call((reply) => this.client.configure(configureRequest(this.settings), reply));
  }

  async remediate(resource: PolicyResource): Promise<PropertyMap> {
    if (![...this.settings.values()].some(({ level }) => level === EnforcementLevel.REMEDIATE))
      return resource.properties;
    const request = analyzeRequest(resource);
    const response = await this.call<RemediateResponse>((reply) => this.client.remediate(request, reply), resource.urn);
    let properties = resource.properties;
    for (const remediation of response.getRemediationsList()) {
      const changed = remediation.getProperties();
      if (changed) properties = restored(fromStruct(changed), resource.properties);
      this.emit({
        policy: remediation.getPolicyname(),
        level: "remediate",
        message: remediation.getDiagnostic() || remediation.getDescription(),
        urn: resource.urn,
      });
    }
    return properties;
  }

  async analyze(resource: PolicyResource): Promise<number> {
    if (!this.hasActive(PolicyType.POLICY_TYPE_RESOURCE)) return 0;
    const request = analyzeRequest(resource);
    return this.report(await this.call((reply) => this.client.analyze(request, reply), resource.urn), resource.urn);
  }

  async analyzeStack(resources: readonly PolicyResource[]): Promise<number> {
    if (!this.hasActive(PolicyType.POLICY_TYPE_STACK)) return 0;
    const request = new AnalyzeStackRequest();
    request.setResourcesList(resources.map(stackResource));
    return this.report(await this.call((reply) => this.client.analyzeStack(request, reply), "the stack as a whole"));
  }

  close(): Promise<void> {
    this.closed ??= this.process.stop().then(() => this.client.close());
    return this.closed;
  }

  private hasActive(type: PolicyType): boolean {
    const policies = this.info?.getPoliciesList() ?? [];
    return policies.some(
      (policy) =>
        policy.getPolicyType() === type && this.settings.get(policy.getName())?.level !== EnforcementLevel.DISABLED,
    );
  }

  private report(response: AnalyzeResponse, urn?: string): number {
    let mandatory = 0;
    for (const diagnostic of response.getDiagnosticsList()) {
      const level = levelOf(diagnostic);
      if (level === "mandatory") mandatory += 1;
      const severity = severityOf(diagnostic);
      const where = diagnostic.getUrn() || urn;
      this.emit({
        policy: diagnostic.getPolicyname(),
        level,
        message: diagnostic.getMessage() || diagnostic.getDescription(),
        ...(severity === undefined ? {} : { severity }),
        ...(where === undefined ? {} : { urn: where }),
      });
    }
    return mandatory;
  }

  private emit(violation: {
    policy: string;
    level: "advisory" | "mandatory" | "remediate";
    message: string;
    severity?: string;
    urn?: string;
  }) {
    this.options.events({ kind: "policy", pack: this.name, ...violation, at: performance.now() - this.started });
  }

  /** What the pack throws comes back with the rule's name in it; a pack that ended says how. */
  private async call<T>(send: (reply: Reply<T>) => unknown, subject?: string): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        send((error, response) => (error ? reject(error) : resolve(response)));
      });
    } catch (error) {
      const { code, details, message } = error as ServiceError;
      const about = subject === undefined ? "" : ` while it looked at ${subject}`;
      if (code === status.UNAVAILABLE || code === status.CANCELLED) {
        if (this.closed) throw new Error(`policy pack "${this.name}" was stopped${about}`, { cause: error });
        // The connection breaks a moment before the end of the process is known.
        await Promise.race([this.process.ended, delay(END_WAIT_MS, undefined, { ref: false })]);
        throw new Error(`policy pack "${this.name}" ${this.endedWith ?? "does not answer"}${about}`, { cause: error });
      }
      throw new Error(`policy pack "${this.name}"${about}: ${details || message}`, { cause: error });
    }
  }
}
