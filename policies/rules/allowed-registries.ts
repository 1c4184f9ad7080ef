import { imageOf, namesRegistry } from "../image";
import limits from "../limits.json";
import { ALL, type ContainerRule } from "../rule";
import { Unknown } from "../value";

const { registries } = limits.images;

export const allowedRegistries: ContainerRule = {
  name: "allowed-registries",
  description: "Every image comes from a registry, and a part of it, that policies/limits.json lists.",
  severity: "high",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Building secure container images" },
    { framework: "CIS Kubernetes Benchmark", control: "5.5.1" },
  ],
  remediation:
    "Take the image from a listed registry, or, after looking at who publishes it, add its registry and folder to images.registries in policies/limits.json.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const image = imageOf(spec);
    if (image instanceof Unknown) {
      yield { unknown: image };
      return;
    }
    if (image === undefined || registries.some((prefix) => image.path.startsWith(prefix))) return;
    yield {
      breach: namesRegistry(image)
        ? `image '${image.path}' is from none of the registries of policies/limits.json (${registries.join(", ")}); use one of them, or add this one`
        : `image '${image.path}' names no registry, so each node may take it from another; write it in full, such as 'docker.io/library/${image.path}'`,
    };
  },
};
