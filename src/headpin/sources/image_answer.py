"""What a registry says of an image, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """The `digest` of an image; or it is `missing`; or the question failed. `problem` says why there is no digest.

    `wait` is for how many seconds the registry wants to be left alone; 0 when it does not say.
    """

    digest: str | None = None
    missing: bool = False
    problem: str = ""
    wait: float = 0.0
