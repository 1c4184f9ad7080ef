/** Who asks: a token stays in the environment, never in a plan, which is kept with the run. */
export function credentials(): Record<string, string> {
  const token = __ENV["BALLAST_LOAD_TOKEN"];
  return token ? { Authorization: `Bearer ${token}` } : {};
}
