import { at, Unknown, type Value } from "./value";

/** The parts of a reference, in a notation that the API server's expressions know too. */
export const PATH = String.raw`([^\s/@]+/)*[^\s/:@]+`;
export const TAG = String.raw`\w[\w.-]{0,127}`;
export const DIGEST = "[a-z0-9]+:[a-f0-9]{32,}";

/** `[registry[:port]/]path[:tag][@algorithm:digest]`: a colon belongs to the tag only after the last slash. */
const REFERENCE = new RegExp(`^(?<path>${PATH})(?::(?<tag>${TAG}))?(?:@(?<digest>${DIGEST}))?$`);

export interface Image {
  /** With its registry, where it names one. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** The reference of a container's image; `undefined` when it is none, which is for the rule on pinned images to say. */
export function imageOf(container: Value): Image | Unknown | undefined {
  const reference = at(container, "image");
  if (reference instanceof Unknown) return reference;
  return typeof reference === "string" ? parseImage(reference) : undefined;
}

/** The parts of an image's reference; `undefined` when it is none. */
export function parseImage(reference: string): Image | undefined {
  const parts = REFERENCE.exec(reference)?.groups;
  return parts === undefined ? undefined : { path: parts["path"] ?? "", tag: parts["tag"], digest: parts["digest"] };
}

/** Whether a path names its registry: a first part with a dot or a port, or `localhost`. */
export function namesRegistry({ path }: Image): boolean {
  const [first = "", ...rest] = path.split("/");
  return rest.length > 0 && (first === "localhost" || /[.:]/.test(first));
}
