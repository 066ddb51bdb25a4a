"""What looks like a credential does not belong into a config repository.

The forms are those that issuers document for scanners: fixed prefixes and lengths, so that ordinary text
is not suspected. Every repetition is bounded or starts after a fixed prefix, so that no text takes more than
linear time. Never shows what it found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headpin.model.faults import Fault, Path
from headpin.model.texts import dotted

_FORMS = (
    ("a private key", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,255}"),
    ("a Slack token", r"\bxox[abprs]-[A-Za-z0-9-]{20,255}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("an API key", r"\bsk-[A-Za-z0-9_-]{32,255}"),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,255}"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a password in a URL", r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@$]{0,255}:[^\s/:@$]{3,2000}@[^\s/]"),
)
_ANY = re.compile("|".join(f"(?P<f{number}>{form})" for number, (_, form) in enumerate(_FORMS)))
_MARKS = (
    *("PRIVATE KEY", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox"),
    *("AIza", "sk-", "k_live_", "eyJ", "://"),
)
"""Every form has one of these in it: a text without them is not looked at any closer."""

_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*", re.DOTALL)
_USER_IN_URL = re.compile(r"://\S*@")
_ALLOWED: Path = ("source", "repository")
"""The one place where an address may hold what opens it."""


def credential_faults(texts: Sequence[tuple[Path, str]]) -> tuple[Fault, ...]:
    """A fault for every text of a document that has the form of a credential."""
    texts = [(path, text) for path, text in texts if path != _ALLOWED]
    everything = "\n".join(text for _, text in texts)
    if not any(mark in everything for mark in _MARKS):
        return ()
    return tuple(
        Fault("HP205", path, False, f"{conceal(dotted(path))} looks like {_FORMS[int(str(found.lastgroup)[1:])][0]}")
        for path, text in texts
        if (found := _ANY.search(text)) is not None
    )


def conceal(text: str) -> str:
    """`text` as it can be shown: without anything that looks like a credential, or stands before a URL's host."""
    return _USER_IN_URL.sub("://…@", _ANY.sub("…", _KEY.sub("…", text)))
