/** Sends nothing, so that nothing is measured. */
export default function idle(): void {
  return;
}
