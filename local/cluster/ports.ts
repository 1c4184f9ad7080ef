import { readdir, readFile, readlink } from "node:fs/promises";

/** A listening TCP socket of this machine. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

const listening = "0A";

/** The listening sockets in a table of /proc/net/tcp or tcp6; addresses stay in the kernel's notation, in hex. */
export function parseListeners(table: string): Listener[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening)
    .map((fields) => {
      const [address = "", port = "0"] = (fields[1] ?? "").split(":");
      return { address, port: parseInt(port, 16), inode: fields[9] ?? "" };
    });
}

/** Sockets that would keep us from listening on 127.0.0.1: those of that address and those of any address. */
export async function loopbackListeners(): Promise<Listener[]> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const loopback = /^(0100007F|00000000|0{32}|0{16}FFFF0000(0100007F|00000000))$/;
  return tables.flatMap(parseListeners).filter((listener) => loopback.test(listener.address));
}

/** The process that holds a socket, such as `haproxy (pid 4711)`; undefined when it is not ours to see. */
export async function holder(inode: string): Promise<string | undefined> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "")) === `socket:[${inode}]`)
        return `${(await readFile(`/proc/${pid}/comm`, "utf8")).trim()} (pid ${pid})`;
    }
  }
  return undefined;
}
