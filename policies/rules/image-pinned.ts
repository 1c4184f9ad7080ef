import { parseImage } from "../image";
import { ALL, type ContainerRule } from "../rule";
import { at, show, Unknown } from "../value";

function breachOf(image: string): string | undefined {
  const parts = parseImage(image);
  if (parts === undefined) return `image '${image}' is not a reference; write one such as 'registry.example/app:1.4.2'`;
  if (parts.digest !== undefined) return undefined;
  if (parts.tag === undefined) return `image '${image}' has no tag, which means 'latest'; add a version or a digest`;
  if (parts.tag === "latest") return `image '${image}' is whatever was pushed last; name a version or a digest`;
  return undefined;
}

export const imagePinned: ContainerRule = {
  name: "image-pinned",
  description:
    "Every image is named by a digest or by a tag other than 'latest', so that what was tested is what runs.",
  severity: "high",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Building secure container images" },
    { framework: "CIS Kubernetes Benchmark", control: "5.5.1" },
    { framework: "Kubernetes documentation", control: "Images" },
  ],
  remediation: "Name a version (app:1.4.2) or, better, a digest (app@sha256:…).",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const image = at(spec, "image");
    if (image instanceof Unknown) {
      yield { unknown: image };
      return;
    }
    const breach =
      image === undefined ? "image is missing; name one with a version or a digest" : breachOf(show(image));
    if (breach !== undefined) yield { breach };
  },
};
