"""What looks like a credential does not belong into a config repository.

The forms are those that issuers document for scanners: fixed prefixes and lengths, so that ordinary text
is not suspected. Never shows what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headpin.model.faults import Fault, Path
from headpin.model.settings import Settings

_FORMS = (
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    ("a Slack token", r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("an API key", r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}\b"),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,}\b"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a password in a URL", r"\b[a-z][a-z0-9+.-]*://[^\s/:@$]+:[^\s/:@$]{3,}@[^\s/]"),
)
_ANY = re.compile("|".join(f"(?P<f{number}>{form})" for number, (_, form) in enumerate(_FORMS)))


def credential_faults(settings: Settings) -> tuple[Fault, ...]:
    """A fault for every value that has the form of a credential."""
    return tuple(
        Fault("HP205", path, False, f"{_dotted(path)} looks like {_FORMS[int(str(found.lastgroup)[1:])][0]}")
        for path, text in _texts(settings)
        if (found := _ANY.search(text)) is not None
    )


def _texts(settings: Settings) -> Iterator[tuple[Path, str]]:
    for name, value in settings.variables.items():
        if value is not None:
            yield ("variables", name), value
    for name, content in settings.files.items():
        if content is not None and content.text is not None:
            yield ("files", name, "text"), content.text
    for name, value in settings.service_account.annotations.items():
        if value is not None:
            yield ("serviceAccount", "annotations", name), value
    for key in ("command", "args"):
        for number, text in enumerate(getattr(settings, key, None) or ()):
            yield (key, number), text


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
