import images from "./images.json";

/** The reference of an image of the one list, `infra/images.json`. */
export function imageReference(name: keyof typeof images): string {
  return images[name].reference;
}
