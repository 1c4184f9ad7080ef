import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import * as domain from "../../domain";
import { changing, creating, reading, readingOne } from "../describe";
import * as schemas from "../schemas";
import { sendEntity, sendWritten, updateContext, writeContext } from "../writing";
import type { RouteArgs } from "./args";
import { pageOf, sendPage } from "./page";

export function taskRoutes(instance: FastifyInstance, { store }: RouteArgs): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();

  app.post(
    "/tasks",
    creating({ id: "createTask", summary: "Creates a task", body: domain.newTask, answer: domain.task }),
    async (request, reply) => {
      const written = await store.createTask(request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/tasks/${written.entity.id}`);
    },
  );
  app.get(
    "/tasks",
    reading({ id: "listTasks", summary: "Tasks, by id", query: schemas.taskQuery, answer: schemas.taskPage }),
    async (request, reply) => {
      const { limit: _, cursor: __, ...filter } = request.query;
      return sendPage(reply, store.listTasks(filter, pageOf(request.query)));
    },
  );
  app.get("/tasks/:id", readingOne({ id: "getTask", summary: "A task", answer: domain.task }), async (request, reply) =>
    sendEntity(request, reply, await store.getTask(request.params.id)),
  );
  app.patch(
    "/tasks/:id",
    changing({ id: "updateTask", summary: "Changes a task", body: domain.taskChange, answer: domain.task }),
    async (request, reply) => {
      const { id } = request.params;
      const context = await updateContext(request, () => store.getTask(id));
      return sendWritten(reply, await store.updateTask(id, request.body, context));
    },
  );

  app.post(
    "/tasks/:id/runs",
    creating({
      id: "createRun",
      summary: "Starts a run of a task",
      params: schemas.byId,
      body: domain.newRun,
      answer: domain.run,
    }),
    async (request, reply) => {
      const written = await store.createRun(request.params.id, request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/runs/${written.entity.id}`);
    },
  );
  app.get(
    "/tasks/:id/runs",
    reading({
      id: "listRuns",
      summary: "A task's runs",
      params: schemas.byId,
      query: schemas.pageQuery,
      answer: schemas.runPage,
    }),
    async (request, reply) => sendPage(reply, store.listRuns(request.params.id, pageOf(request.query))),
  );

  app.post(
    "/tasks/:id/artifacts",
    creating({
      id: "createArtifact",
      summary: "Records an artifact of a task",
      params: schemas.byId,
      body: domain.newArtifact,
      answer: domain.artifact,
    }),
    async (request, reply) => {
      const written = await store.createArtifact(request.params.id, request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/artifacts/${written.entity.id}`);
    },
  );
  app.get(
    "/tasks/:id/artifacts",
    reading({
      id: "listArtifacts",
      summary: "A task's artifacts",
      params: schemas.byId,
      query: schemas.pageQuery,
      answer: schemas.artifactPage,
    }),
    async (request, reply) => sendPage(reply, store.listArtifacts(request.params.id, pageOf(request.query))),
  );
  app.get(
    "/artifacts/:id",
    readingOne({ id: "getArtifact", summary: "An artifact", answer: domain.artifact }),
    async (request, reply) => sendEntity(request, reply, await store.getArtifact(request.params.id)),
  );

  app.post(
    "/tasks/:id/notes",
    creating({
      id: "addNote",
      summary: "Adds a note to a task's history; the answer is its event",
      params: schemas.byId,
      body: domain.newNote,
      answer: domain.event,
    }),
    async (request, reply) => {
      const written = await store.addNote(request.params.id, request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/events?entity_id=${written.entity.entity_id}`);
    },
  );
}
