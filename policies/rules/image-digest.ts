import { imageOf } from "../image";
import limits from "../limits.json";
import { ALL, type ContainerRule } from "../rule";
import { Unknown } from "../value";

const { immutableTags } = limits.images;

export const imageDigest: ContainerRule = {
  name: "image-digest",
  description:
    "Every image is named by a digest, or is in a registry of ours whose tags cannot be moved, so that nobody else decides what production runs.",
  severity: "high",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Building secure container images" },
    { framework: "Kubernetes documentation", control: "Images: image digests" },
  ],
  remediation:
    "Add the digest that was tested (app:1.4.2@sha256:…), or copy the image to a registry of images.immutableTags in policies/limits.json.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const image = imageOf(spec);
    if (image instanceof Unknown) {
      yield { unknown: image };
      return;
    }
    if (image === undefined || image.digest !== undefined) return;
    if (immutableTags.some((prefix) => image.path.startsWith(prefix))) return;
    const name = image.tag === undefined ? image.path : `${image.path}:${image.tag}`;
    yield {
      breach: `image '${name}' has no digest, and its registry may move the tag; write '${name}@sha256:…' or copy it to ${immutableTags.join(" or ")}`,
    };
  },
};
