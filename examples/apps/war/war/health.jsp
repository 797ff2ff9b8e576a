<%@ page contentType="text/plain; charset=UTF-8" session="false" %><%
  // With it verify and promote know which servers answer, and reports draw them.
  response.setHeader("X-Phoenix-Generation", System.getenv("PHOENIX_GENERATION"));
%>ok
