"""The images of one pass: which digest each has, asked of the registries side by side and once."""

from __future__ import annotations

from collections.abc import Iterable

from headpin.images import digest_of, with_digest, without_digest
from headpin.releases import Ran
from headpin.sources import ImageAnswer, ImageLookups


class Images:
    """Answers of one pass. What a registry could not say a moment ago is not asked again before its time."""

    def __init__(self, lookups: ImageLookups, seconds: float) -> None:
        self._lookups = lookups
        self._seconds = seconds
        self._answers: dict[str, ImageAnswer] = {}

    def look_up(self, images: Iterable[str]) -> None:
        """Asks for all of `images` that were not asked for yet, at once."""
        wanted = set(images) - self._answers.keys()
        if wanted:
            self._answers |= self._lookups.resolve(wanted, self._seconds)

    def of(self, image: str) -> ImageAnswer:
        """The digest of `image`, or why there is none."""
        self.look_up((image,))
        return self._answers[image]


def resolved_before(image: str, ran: tuple[Ran, ...]) -> str | None:
    """`image` with the digest that it ran with here; None where it never did. A digest is for ever."""
    for entry in reversed(ran):
        if without_digest(entry.release.image) == image and digest_of(entry.release.image):
            return entry.release.image
    return None


def resolved(image: str, answer: ImageAnswer) -> str | None:
    """`image` with the digest that the registry gave; None where it gave none."""
    return with_digest(image, answer.digest) if answer.digest else None


def told(image: str, answer: ImageAnswer) -> str:
    """Why there is no digest, in words that stay the same from pass to pass."""
    if answer.missing:
        return f"the image {image} is not in its registry yet"
    return f"the registry of {image} does not tell: {answer.problem}"
