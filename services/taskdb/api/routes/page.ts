import type { FastifyReply } from "fastify";
import type { Page, PageRequest } from "../../store/store";

export const pageOf = ({ limit, cursor }: { limit: number; cursor?: string | undefined }): PageRequest =>
  cursor === undefined ? { limit } : { limit, cursor };

export async function sendPage(reply: FastifyReply, page: Promise<Page<unknown>>): Promise<FastifyReply> {
  return reply.send(await page);
}
