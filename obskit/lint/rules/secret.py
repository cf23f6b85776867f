"""A value looks like a secret: a key, a token, a password in a URL or under a telling name.

Logs are read by more people than secrets are, and are kept longer. The formatter of obskit redacts by
name; what is found here went another way. Opt in with `--select secret`: it reads every string.

Bad:  {"attributes": {"password": "hunter2"}}     {"message": "GET https://bob:hunter2@db.example/"}
Good: {"attributes": {"password": "[redacted]"}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.rules._strings import strings

ID: Final = "secret"
SEVERITY: Final = Severity.ERROR
OPT_IN: Final = True

_NAME: Final = re.compile(
    r"(?i)(?:^|[._-])(?:pass(?:word|wd|phrase)?|secret|api[_-]?key|private[_-]?key|access[_-]?token|refresh[_-]?token"
    r"|auth[_-]?token|token|authorization|cookie|set-cookie|credentials?)$"
)
_HARMLESS: Final = re.compile(
    r"(?i)|\*+|x+|null|none|true|false|[\[<(]?(?:redacted|filtered|masked|removed|hidden)[\])>]?"
)
_URL: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:(?!\*+@|\[?redacted)[^\s/@]{1,100}@"
)
_ASSIGNED: Final = re.compile(
    r"(?i)\b(?:password|passwd|pwd|secret|api[_-]?key)\s?[=:]\s?(?!\*|\[|<|null|none)[^\s,;&\"']{4,}"
)
_VALUES: Final = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("an AWS access key id", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")),
    ("a bearer token", re.compile(r"(?i)\b(?:bearer|basic) [A-Za-z0-9+/_.-]{16,}=*")),
    ("a password in a URL", _URL),
    ("a password", _ASSIGNED),
)  # fmt: skip


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for path, value in strings(line.event):
        name = path[-1] if path else ""
        if _NAME.search(name) and not _HARMLESS.fullmatch(value):
            yield Finding(f"{'.'.join(path)} is not redacted; keep secrets out of logs", path)
            continue
        for what, pattern in _VALUES:
            if pattern.search(value):
                yield Finding(f"{'.'.join(path)} has {what}; keep secrets out of logs", path)
                break
