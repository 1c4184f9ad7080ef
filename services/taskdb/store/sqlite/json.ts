import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from "kysely";

/** SQLite has no JSON type: these columns are texts in it, and values for the service. */
const columns = ["dependencies", "metadata", "tool_calls", "metrics", "checks", "claims_validated", "payload"];

export class JsonColumns implements KyselyPlugin {
  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    return node;
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    for (const row of result.rows) {
      for (const column of columns) {
        const value = row[column];
        if (typeof value === "string") row[column] = JSON.parse(value);
      }
    }
    return result;
  }
}
