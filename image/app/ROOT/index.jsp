<%@ page contentType="text/html; charset=UTF-8" %>
<%!
  /** A value of the environment, fit for HTML. */
  private static String told(String name) {
    String value = System.getenv(name);
    return value == null ? "unknown" : value.replace("&", "&amp;").replace("<", "&lt;");
  }
%>
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <meta name="viewport" content="width=device-width">
    <title><%= told("PHOENIX_SERVICE") %> is <%= told("PHOENIX_COLOR") %></title>
    <style>
      body { font-family: system-ui, sans-serif; margin: 4rem auto; max-width: 36rem; line-height: 1.5; }
      h1 { border-left: 1rem solid; padding-left: 1rem; }
      .blue { border-color: #2563eb; }
      .green { border-color: #16a34a; }
    </style>
  </head>
  <body>
    <h1 class="<%= told("PHOENIX_COLOR") %>"><%= told("PHOENIX_SERVICE") %></h1>
    <p>
      This server is <strong><%= told("PHOENIX_COLOR") %></strong>, of generation
      <code><%= told("PHOENIX_GENERATION") %></code>, and will never be changed.
    </p>
  </body>
</html>
