/** Why this machine cannot run a cluster of its own, as a sentence that says what to use; undefined when it can. */
export function hostUnfit(platform: NodeJS.Platform = process.platform, uid = process.getuid?.()): string | undefined {
  const instead =
    "use a cluster that is there with --kubeconfig FILE [--context NAME], for example one made by kind (kind create cluster)";
  if (platform !== "linux") return `a local cluster of Ballast's own needs Linux, and this is ${platform}; ${instead}`;
  if (uid !== 0) return `a local cluster of Ballast's own needs root (run with sudo); or ${instead}`;
  return undefined;
}

export function requireFitHost(): void {
  const reason = hostUnfit();
  if (reason) throw new Error(reason);
}
