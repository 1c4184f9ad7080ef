import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * One connection that posts JSON and reads answers, and does nothing else: where client and service share two cores, whatever the
 * client does is taken from the service.
 */
export class Wire {
  private received = "";
  private waiting: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
  ) {
    socket.setEncoding("latin1").setNoDelay(true);
    socket.on("data", (chunk: string) => this.take(chunk));
    socket.on("error", (error) => this.waiting?.reject(error));
    socket.on("close", () => this.waiting?.reject(new Error("the service closed the connection")));
  }

  static async open(origin: string): Promise<Wire> {
    const { host, hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new Wire(socket, host);
  }

  /** @throws when the answer is not 201 */
  async create(path: string, body: string): Promise<void> {
    const answer = await new Promise<string>((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(
        `POST ${path} HTTP/1.1\r\nhost: ${this.host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
    if (!answer.startsWith("HTTP/1.1 201 ")) throw new Error(`the service answered ${answer.slice(0, 500)}`);
  }

  close(): void {
    this.waiting = undefined;
    this.socket.destroy();
  }

  private take(chunk: string): void {
    this.received += chunk;
    const head = this.received.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.received.slice(0, head))?.[1]);
    if (this.received.length < head + 4 + length) return;
    const answer = this.received;
    this.received = "";
    this.waiting?.resolve(answer);
  }
}
