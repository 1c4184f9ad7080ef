import { CHART_TYPES, chartOf } from "../helm";
import type { ObjectRule } from "../rule";
import { at, show, Unknown } from "../value";

/** One version and no range of them. */
const EXACT = /^v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const isLocal = (chart: string): boolean => /^(?:\.{0,2}\/)/.test(chart);

export const helmPinned: ObjectRule = {
  name: "helm-pinned",
  description: "Every Helm chart is of one exact version, from a repository that is reached by https or oci.",
  severity: "high",
  references: [
    { framework: "Helm documentation", control: "Charts: version" },
    { framework: "Pulumi documentation", control: "Kubernetes: Helm Release" },
  ],
  remediation:
    "Set version to one version (1.4.2), and repositoryOpts.repo to an https address; or name the chart by oci://.",
  scope: "object",
  kinds: CHART_TYPES,
  *check(object) {
    const { chart, version, repository } = chartOf(object);
    if (chart instanceof Unknown) {
      yield { unknown: chart };
      return;
    }
    // A chart in this repository is of the version that is committed here.
    if (typeof chart === "string" && isLocal(chart)) return;
    if (version instanceof Unknown) yield { unknown: version };
    else if (version === undefined)
      yield { breach: "version is missing, so it is whatever was published last; set it" };
    else if (!EXACT.test(show(version))) {
      yield { breach: `version '${show(version)}' is a range; name one version, such as '1.4.2'` };
    }
    const address = typeof chart === "string" && chart.includes("://") ? chart : repository;
    if (address instanceof Unknown) yield { unknown: address };
    else if (address === undefined) {
      yield { breach: "its repository is taken from this machine's Helm configuration; set repositoryOpts.repo" };
    } else if (!/^(?:https|oci):\/\//.test(show(address))) {
      yield { breach: `its repository '${show(address)}' is reached by neither https nor oci; use one of them` };
    }
    if (at(object.fields, "devel") === true) yield { breach: "devel is true, which takes pre-releases; remove it" };
  },
};
