import type { FastifyInstance } from "fastify";
import { jsonDepth } from "../domain";
import { ApiError } from "./problem";

/** A field of the row lies around a JSON column's document. */
const most = jsonDepth + 2;

/** JSON only; what is nested too deep is refused before anything walks through it. */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (tooDeep(body)) {
      done(new ApiError(400, "invalid", `body is nested more than ${most} deep: flatten it, or store it as a text`));
      return;
    }
    // It calls back at once.
    void parse(request, body, done);
  });
}

/** Of a text that need not be JSON. */
function tooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === backslash) at++;
      else if (code === quote) quoted = false;
    } else if (code === quote) quoted = true;
    else if (code === bracket || code === brace) {
      if (++depth > most) return true;
    } else if (code === closingBracket || code === closingBrace) depth--;
  }
  return false;
}

const [quote, backslash, bracket, closingBracket, brace, closingBrace] = [...'"\\[]{}'].map((each) =>
  each.charCodeAt(0),
);
