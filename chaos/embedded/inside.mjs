// Plain JavaScript: node runs it inside a pod's network, where it takes the place of what the pod's image may not have.
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks a name server for an address.
 * @returns {Promise<string>} whether it answered, whatever the answer says
 */
function resolve(server, name, patience) {
  const labels = name.split(".").map((label) => [label.length, ...Buffer.from(label)]);
  const header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const query = Buffer.from([...header, ...labels.flat(), 0, 0, 1, 0, 1]);
  return new Promise((done) => {
    const socket = createSocket("udp4");
    const end = (outcome) => {
      clearTimeout(timer);
      socket.close();
      done(outcome);
    };
    const timer = setTimeout(end, Number(patience), "silent");
    socket.on("message", () => end("answered"));
    socket.on("error", (error) => end(error.code));
    socket.send(query, 53, server);
  });
}

/**
 * Connects, says something that makes servers of most protocols answer or hang up (for PostgreSQL it asks for TLS), and waits for that.
 * @returns {Promise<string>} what came, and after how many milliseconds
 */
function ask(host, port, patience) {
  return new Promise((done) => {
    const start = performance.now();
    const end = (outcome) => {
      socket.destroy();
      done(JSON.stringify({ outcome, milliseconds: Math.round(performance.now() - start) }));
    };
    const socket = connect(Number(port), host);
    socket.setTimeout(Number(patience), () => end("silent"));
    socket.on("connect", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47, 13, 10, 13, 10])));
    socket.on("data", () => end("answered"));
    socket.on("end", () => end("answered"));
    socket.on("error", (error) => end(error.code));
  });
}

/** Tells toxiproxy of a proxy and what spoils it, as soon as it listens. */
async function spoil(api, proxy, toxic) {
  const post = (path, body) => fetch(`http://${api}${path}`, { method: "POST", body });
  for (let tries = 0; ; tries++) {
    const heard = await fetch(`http://${api}/version`).catch(() => undefined);
    if (heard?.ok) break;
    if (tries === 50) throw new Error(`toxiproxy does not answer at ${api}`);
    await delay(100);
  }
  for (const [path, body] of [
    ["/proxies", proxy],
    ...(toxic ? [[`/proxies/${JSON.parse(proxy).name}/toxics`, toxic]] : []),
  ]) {
    const answer = await post(path, body);
    if (!answer.ok) throw new Error(`toxiproxy refused ${body}: ${await answer.text()}`);
  }
  return "spoiled";
}

const [what, ...args] = process.argv.slice(2);
process.stdout.write(await { resolve, ask, spoil }[what](...args));
