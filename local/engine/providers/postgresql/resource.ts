import type { CheckFailure } from "../../provider";
import type { PropertyMap } from "../../values";
import type { Schema } from "../schema";
import type { Server } from "./server";

/** One resource type. Property maps have their defaults filled in and hold nothing unknown. */
export interface Resource {
  readonly schema: Schema;
  /** Gets a name made from the logical one when the program gives none. */
  readonly autoName?: boolean;
  /** Properties whose change alone changes nothing. */
  readonly unwatched?: readonly string[];
  /** What no single property can tell; inputs may hold unknowns. */
  validate?(inputs: PropertyMap): CheckFailure | undefined;
  id(properties: PropertyMap, server: Server): string;
  /** The properties that identify what `id` names, for `import` and `get`; absent where upstream has no import. */
  parseId?(id: string): PropertyMap;
  create(server: Server, news: PropertyMap): Promise<void>;
  /** The live properties, or undefined when it is gone. `known` is what state says, or what `parseId` gave. */
  read(server: Server, known: PropertyMap): Promise<PropertyMap | undefined>;
  update(server: Server, olds: PropertyMap, news: PropertyMap): Promise<void>;
  delete(server: Server, known: PropertyMap): Promise<void>;
}

export const text = (properties: PropertyMap, key: string): string => {
  const value = properties[key];
  return typeof value === "string" ? value : "";
};

export const texts = (properties: PropertyMap, key: string): string[] => {
  const value = properties[key];
  return Array.isArray(value) ? value.map(String) : [];
};

/** Whether the two lists hold the same, in any order. */
export const sameSet = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && new Set([...left, ...right]).size === left.length;
