"use strict";

const http = require("node:http");
const os = require("node:os");

const { PHOENIX_PORT, PHOENIX_GENERATION, GREETING = "Hello" } = process.env;
// /health is asked by verify and the load balancer: 200 when this server can answer users.
const pages = { "/health": () => "ok\n", "/": () => `${GREETING} from ${os.hostname()}\n` };

const server = http.createServer((request, response) => {
  const page = pages[request.url.split("?")[0]];
  response.writeHead(page ? 200 : 404, {
    "Content-Type": "text/plain; charset=utf-8",
    // With it verify and promote know which servers answer, and reports draw them.
    "X-Phoenix-Generation": PHOENIX_GENERATION ?? "none",
  });
  response.end(page ? page() : "nothing here\n");
  console.log(request.method, request.url, response.statusCode); // to the journal
});

// Longer than the load balancer's 60 s: the balancer must be the one that closes an idle connection.
server.keepAliveTimeout = 75_000;
server.headersTimeout = 80_000;
server.listen(Number(PHOENIX_PORT));
// It answers what it is asked before it ends.
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
