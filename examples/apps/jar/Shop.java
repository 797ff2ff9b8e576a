import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.Executors;

/** The application: whatever answers GET /health with 200 on PHOENIX_PORT. */
public final class Shop {
  private static final Map<String, String> ENVIRONMENT = System.getenv();

  public static void main(String[] arguments) throws IOException {
    int port = Integer.parseInt(ENVIRONMENT.get("PHOENIX_PORT"));
    HttpServer server = HttpServer.create(new InetSocketAddress(port), 1024);
    server.setExecutor(Executors.newFixedThreadPool(64));
    // For verify and the load balancer: 200 when this server can answer users.
    server.createContext("/health", exchange -> answer(exchange, 200, "ok\n"));
    String page = ENVIRONMENT.getOrDefault("GREETING", "Hello") + " from " + InetAddress.getLocalHost().getHostName();
    server.createContext("/", exchange -> {
      boolean known = exchange.getRequestURI().getPath().equals("/");
      answer(exchange, known ? 200 : 404, known ? page + "\n" : "nothing here\n");
    });
    // What is being asked is answered before it ends.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(10)));
    server.start();
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes("UTF-8");
    exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
    // With it verify and promote know which servers answer, and reports draw them.
    exchange.getResponseHeaders().set("X-Phoenix-Generation", ENVIRONMENT.getOrDefault("PHOENIX_GENERATION", "none"));
    exchange.sendResponseHeaders(status, body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
    System.out.println(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + status); // to the journal
  }
}
