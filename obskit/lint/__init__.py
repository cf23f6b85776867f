"""The linter for logs: a fast path that says "all valid", and rules that say what is not."""
