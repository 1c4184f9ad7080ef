import * as pulumi from "@pulumi/pulumi";
import { customDefinitions } from "../crds/definitions";

/**
 * The kinds by which a service says how it is watched: ServiceMonitor and PrometheusRule. No chart of the stack brings them yet; the one
 * of Prometheus leaves those that are there as they are.
 */
export class MonitoringKinds extends pulumi.ComponentResource {
  constructor(name: string, options?: pulumi.ComponentResourceOptions) {
    super("ballast:observability:MonitoringKinds", name, {}, options);
    customDefinitions("prometheus-operator", { parent: this });
    this.registerOutputs({});
  }
}
