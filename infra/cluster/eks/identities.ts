import type { Statement } from "./roles";

/** A workload of the cluster that acts in the cloud's name, by its service account. */
export interface CloudIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Names of AWS' own policies. */
  readonly managed?: readonly string[];
  readonly statements?: readonly Statement[];
}

/** The names of the zones that a controller may write to are narrowed by its own domain filter. */
const zones: Statement = {
  actions: ["route53:ChangeResourceRecordSets"],
  resources: ["arn:aws:route53:::hostedzone/*"],
};
const listZones: Statement = {
  actions: ["route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets"],
  resources: ["*"],
};

/** What each controller of the cluster may do, and nothing more. */
export function cloudIdentities(cluster: string): Readonly<Record<string, CloudIdentity>> {
  return {
    "ebs-csi": {
      namespace: "kube-system",
      serviceAccount: "ebs-csi-controller-sa",
      managed: ["service-role/AmazonEBSCSIDriverPolicy"],
    },
    autoscaler: {
      namespace: "kube-system",
      serviceAccount: "cluster-autoscaler",
      statements: [
        {
          actions: [
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:DescribeLaunchConfigurations",
            "autoscaling:DescribeScalingActivities",
            "autoscaling:DescribeTags",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:GetInstanceTypesFromInstanceRequirements",
            "eks:DescribeNodegroup",
          ],
          resources: ["*"],
        },
        {
          actions: ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
          resources: ["*"],
          condition: { StringEquals: { [`aws:ResourceTag/k8s.io/cluster-autoscaler/${cluster}`]: "owned" } },
        },
      ],
    },
    "cert-manager": {
      namespace: "certificates",
      serviceAccount: "cert-manager",
      statements: [zones, listZones, { actions: ["route53:GetChange"], resources: ["arn:aws:route53:::change/*"] }],
    },
    "external-dns": { namespace: "edge", serviceAccount: "external-dns", statements: [zones, listZones] },
  };
}
