"""How a text or a request reaches a server."""
