/** Ports of this machine that are free right now, and servers on them. */
import { createServer } from "node:http";

/** A free port on 127.0.0.1, given out by the system. */
export async function freePort() {
  const { port, close } = await serve(() => {});
  await close();
  return port;
}

/** Serves on a free port of this machine. @param {import("node:http").RequestListener} answer */
export async function serve(answer) {
  const server = createServer(answer);
  await new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", () => resolve(undefined));
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    server,
    port,
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
