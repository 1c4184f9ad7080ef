import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema";

/** A typed client of the API: its paths, bodies and answers are those of openapi.json. */
export type TaskDbClient = Client<paths>;

export interface ClientArgs {
  /** As in `http://taskdb.services:8080`. */
  readonly baseUrl: string;
  /** @default that of Node.js */
  readonly fetch?: (request: Request) => Promise<Response>;
}

export const taskDbClient = ({ baseUrl, fetch }: ClientArgs): TaskDbClient =>
  createClient<paths>({ baseUrl, ...(fetch && { fetch }) });
