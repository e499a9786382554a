/** Kubernetes versions, as far as an upgrade can be judged by them: https://kubernetes.io/releases/version-skew-policy/ */

/** Major, minor and patch of `1.31.4`, `v1.31` or `v1.31.4-gke.100`; undefined for anything else. */
function parseVersion(text: string): readonly [number, number, number] | undefined {
  const match = /^v?([0-9]{1,9})\.([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:[-+.].*)?$/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/**
 * What is wrong with going from one version to another: it goes backwards, or it skips a minor version, which Kubernetes
 * does not support. Undefined when nothing is, or when a version cannot be read.
 */
export function upgradeProblem(from: string, to: string): 'goes backwards' | 'skips a minor version' | undefined {
  const before = parseVersion(from);
  const after = parseVersion(to);
  if (!before || !after) return undefined;
  const [major, minor, patch] = [after[0] - before[0], after[1] - before[1], after[2] - before[2]];
  if (major < 0 || (major === 0 && (minor < 0 || (minor === 0 && patch < 0)))) return 'goes backwards';
  return major === 0 && minor > 1 ? 'skips a minor version' : undefined;
}
