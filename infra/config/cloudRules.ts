import { overlap, parseRange } from "./addresses";
import type { CloudConfig, EksConfig } from "./clusters";
import type { ConfigProblem } from "./errors";
import type { StackConfig } from "./schema";

const isCloud = (cluster: StackConfig["cluster"]): cluster is CloudConfig =>
  cluster.kind === "eks" || cluster.kind === "digitalocean";

/** The address ranges of a cluster that may not share an address. */
function ranges(cluster: CloudConfig): ConfigProblem[] {
  const keys = ["vpcCidr", "serviceCidr", ...(cluster.kind === "digitalocean" ? (["podCidr"] as const) : [])] as const;
  const read = (key: (typeof keys)[number]) => (cluster as Readonly<Record<typeof key, string>>)[key];
  return keys.flatMap((key, index) =>
    keys.slice(0, index).flatMap((earlier) => {
      const [one, other] = [parseRange(read(key)), parseRange(read(earlier))];
      if (!one || !other || !overlap(one, other)) return [];
      const message = `is "${read(key)}", which overlaps cluster.${earlier} "${read(earlier)}"; choose a range outside of it`;
      return [{ key: `cluster.${key}`, message }];
    }),
  );
}

/** The network is cut into quarters, one a zone. */
function networkSize({ vpcCidr }: EksConfig): ConfigProblem[] {
  if (vpcCidr.endsWith("/16")) return [];
  return [{ key: "cluster.vpcCidr", message: `is "${vpcCidr}"; it must be a range of 65,536 addresses (…/16)` }];
}

function zones({ region, zones }: EksConfig): ConfigProblem[] {
  return zones.flatMap((zone, index) => {
    const key = `cluster.zones[${index}]`;
    if (!new RegExp(`^${region}[a-z]$`).test(zone)) {
      return [{ key, message: `is "${zone}", which is no zone of ${region}; it must be for example "${region}a"` }];
    }
    return zones.indexOf(zone) === index
      ? []
      : [{ key, message: `is "${zone}" once more; name three different zones` }];
  });
}

function pools({ nodes }: CloudConfig): ConfigProblem[] {
  return (["general", "data"] as const).flatMap((name) => {
    const { min, max } = nodes[name];
    if (min <= max) return [];
    return [{ key: `cluster.nodes.${name}.max`, message: `is ${max}, less than min ${min}; raise max or lower min` }];
  });
}

/** Members of Postgres never share a node. */
function membersFit(cluster: CloudConfig, instances: number): ConfigProblem[] {
  const { max } = cluster.nodes.data;
  if (instances <= max) return [];
  return [
    {
      key: "postgres.instances",
      message: `is ${instances}, one a node, but cluster.nodes.data.max allows ${max} nodes; raise that to ${instances} or lower this`,
    },
  ];
}

/** What a cloud refuses only after minutes, or never. */
export function cloudFits({ cluster, postgres }: StackConfig): ConfigProblem[] {
  if (!isCloud(cluster)) return [];
  return [
    ...(cluster.kind === "eks" ? [...networkSize(cluster), ...zones(cluster)] : []),
    ...ranges(cluster),
    ...pools(cluster),
    ...membersFit(cluster, postgres.instances),
  ];
}
