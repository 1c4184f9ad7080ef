import { Eip } from "@pulumi/aws/ec2/eip";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway";
import { NatGateway } from "@pulumi/aws/ec2/natGateway";
import { RouteTable } from "@pulumi/aws/ec2/routeTable";
import { RouteTableAssociation } from "@pulumi/aws/ec2/routeTableAssociation";
import { Subnet } from "@pulumi/aws/ec2/subnet";
import { Vpc } from "@pulumi/aws/ec2/vpc";
import * as pulumi from "@pulumi/pulumi";
import type { EksConfig } from "../../config";
import { parseRange, subnets } from "../../config/addresses";

const everywhere = "0.0.0.0/0";
/** A quarter of the network for the nodes and pods of each zone; the fourth quarter holds the small public subnets. */
const privateBits = 18;
const publicBits = 24;

/**
 * A network over three zones: private subnets for the nodes, whose way out is a NAT gateway, and public ones for load balancers only.
 */
export class EksNetwork extends pulumi.ComponentResource {
  readonly privateSubnetIds: pulumi.Output<string>[];
  readonly publicSubnetIds: pulumi.Output<string>[];

  constructor(name: string, config: EksConfig, options?: pulumi.ComponentResourceOptions) {
    super("ballast:cluster:EksNetwork", name, {}, options);
    const child = { parent: this };
    const keep = { ...child, protect: config.protect };
    const named = (part: string) => ({ Name: `${config.name}-${part}` });
    const range = parseRange(config.vpcCidr);
    if (range === undefined) throw new Error(`${config.vpcCidr} is no address range; the stack's schema lets none in`);
    const vpc = new Vpc(
      name,
      { cidrBlock: config.vpcCidr, enableDnsSupport: true, enableDnsHostnames: true, tags: named("vpc") },
      keep,
    );
    const internet = new InternetGateway(name, { vpcId: vpc.id, tags: named("internet") }, child);
    const publicRoutes = new RouteTable(
      `${name}-public`,
      { vpcId: vpc.id, routes: [{ cidrBlock: everywhere, gatewayId: internet.id }], tags: named("public") },
      child,
    );
    const { zones } = config;
    const publicRanges = subnets(range, publicBits, zones.length, zones.length * 2 ** (publicBits - privateBits));
    const privateRanges = subnets(range, privateBits, zones.length);
    const publicSubnets = zones.map((zone, index) => {
      const subnet = new Subnet(
        `${name}-public-${zone}`,
        {
          vpcId: vpc.id,
          availabilityZone: zone,
          cidrBlock: publicRanges[index],
          tags: { ...named(`public-${zone}`), "kubernetes.io/role/elb": "1" },
        },
        child,
      );
      new RouteTableAssociation(
        `${name}-public-${zone}`,
        { subnetId: subnet.id, routeTableId: publicRoutes.id },
        child,
      );
      return subnet;
    });
    const gateways = (config.natGateways === "one" ? publicSubnets.slice(0, 1) : publicSubnets).map((subnet, index) => {
      const part = zones[index] ?? "";
      const address = new Eip(`${name}-${part}`, { domain: "vpc", tags: named(`nat-${part}`) }, child);
      return new NatGateway(
        `${name}-${part}`,
        { subnetId: subnet.id, allocationId: address.id, tags: named(`nat-${part}`) },
        { ...child, dependsOn: [internet] },
      );
    });
    const privateSubnets = zones.map((zone, index) => {
      const subnet = new Subnet(
        `${name}-private-${zone}`,
        {
          vpcId: vpc.id,
          availabilityZone: zone,
          cidrBlock: privateRanges[index],
          tags: { ...named(`private-${zone}`), "kubernetes.io/role/internal-elb": "1" },
        },
        child,
      );
      const gateway = gateways[index] ?? gateways[0];
      const routes = new RouteTable(
        `${name}-private-${zone}`,
        {
          vpcId: vpc.id,
          routes: gateway ? [{ cidrBlock: everywhere, natGatewayId: gateway.id }] : [],
          tags: named(`private-${zone}`),
        },
        child,
      );
      new RouteTableAssociation(`${name}-private-${zone}`, { subnetId: subnet.id, routeTableId: routes.id }, child);
      return subnet;
    });
    this.privateSubnetIds = privateSubnets.map(({ id }) => id);
    this.publicSubnetIds = publicSubnets.map(({ id }) => id);
    this.registerOutputs({ privateSubnetIds: this.privateSubnetIds, publicSubnetIds: this.publicSubnetIds });
  }
}
