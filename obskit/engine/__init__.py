"""The engine: compare, plan, apply, verify. It knows no server and no command line."""
