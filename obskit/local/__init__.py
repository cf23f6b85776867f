"""The local stack: real servers on the loopback, as native processes or by Docker Compose."""
