throw new Error("this script is broken");

export default function broken(): void {
  return;
}
