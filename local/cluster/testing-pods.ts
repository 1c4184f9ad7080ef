import { run } from "./command";
import type { SharedCluster } from "./testing";
import { until } from "./until";

/** A Debian base has no curl, but it has Perl. */
const image = "docker.io/library/debian:bookworm-slim";

/** Answers every TCP connection with the address it came from, and every datagram with itself; logs a line a connection. */
const listener = `
use IO::Socket::INET; use IO::Select; $| = 1;
my $all = IO::Select->new; my %datagrams;
for (@ARGV) {
  my ($protocol, $port) = split /:/;
  my $socket = IO::Socket::INET->new(LocalPort => $port, Proto => $protocol, ReuseAddr => 1, $protocol eq "tcp" ? (Listen => 99) : ()) or die "$_: $@";
  $datagrams{$socket} = 1 if $protocol eq "udp";
  $all->add($socket);
}
while (1) {
  for my $socket ($all->can_read) {
    if ($datagrams{$socket}) { $socket->recv(my $text, 2000); $socket->send($text) }
    elsif (my $client = $socket->accept) { print $client->peerhost, "\\n"; print $client $client->peerhost, "\\n"; close $client }
  }
}`;

/** Tries every target at once, each up to two seconds, and prints those that answered. */
const prober = `
use IO::Socket::INET;
my $query = pack("n6", 7, 0x100, 1, 0, 0, 0) . pack("(C/a)*", qw(kubernetes default svc cluster local), "") . pack("n2", 1, 1);
for my $target (@ARGV) {
  next if fork;
  my ($protocol, $host, $port) = split /:/, $target;
  alarm 2;
  my $udp = $protocol ne "tcp";
  my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => $udp ? "udp" : "tcp") or exit;
  $socket->send($protocol eq "dns" ? $query : "ping") if $udp;
  $socket->recv(my $text, 2000);
  print "$target\\n" if length $text;
  exit;
}
1 while wait > 0;`;

export interface TestPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** Perl to run in place of the listener. */
  readonly script?: string;
  readonly arguments?: readonly string[];
}

export function podManifest(pod: TestPod, rest: Record<string, unknown> = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod.name, namespace: pod.namespace, labels: { app: pod.name } },
    spec: {
      nodeName: pod.node,
      terminationGracePeriodSeconds: 0,
      restartPolicy: "Never",
      containers: [
        {
          name: "main",
          image,
          imagePullPolicy: "Never",
          command: ["perl", "-e", pod.script ?? listener, ...(pod.arguments ?? [])],
          ...rest,
        },
      ],
    },
  };
}

/** kubectl on the shared cluster, with an object or a list of them as its input. */
export function kubectlOf(cluster: SharedCluster) {
  return async (args: readonly string[], input?: unknown): Promise<string> => {
    const options = input === undefined ? {} : { input: JSON.stringify(input) };
    const { stdout } = await run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args], options);
    return stdout.trim();
  };
}

export type Kubectl = ReturnType<typeof kubectlOf>;

/**
 * Waits until exactly these targets answer the pod, of all that are asked.
 * @param targets `tcp:HOST:PORT`, `udp:HOST:PORT`, `dns:HOST:PORT`, each with whether it is to answer
 */
export async function reaches(
  kubectl: Kubectl,
  from: TestPod,
  targets: Readonly<Record<string, boolean>>,
): Promise<void> {
  const wanted = Object.keys(targets).filter((target) => targets[target]);
  let seen = "nothing";
  await until(
    `${from.name} reaches ${wanted.join(", ") || "nothing"}`,
    60,
    async () => {
      const exec = ["-n", from.namespace, "exec", from.name, "--", "perl", "-e", prober];
      const answered = (await kubectl([...exec, ...Object.keys(targets)])).split("\n").filter(Boolean);
      seen = answered.join(", ") || "nothing";
      return answered.sort().join() === [...wanted].sort().join();
    },
    { why: () => `of ${Object.keys(targets).join(", ")} it reached ${seen}` },
  );
}
