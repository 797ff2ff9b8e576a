<%@ page contentType="text/plain; charset=UTF-8" session="false" %><%
  response.setHeader("X-Phoenix-Generation", System.getenv("PHOENIX_GENERATION"));
%>Hello from the shop
