"""Delivery: how a cluster reaches this config repository, for what pods fetch from it themselves.

Owns which addresses a pod may be given. Must never hold a credential: only the name of the Secret that does.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from headpin.model.document import DnsName, ImageReference, Part

GIT_IMAGE = "docker.io/alpine/git:2.49.1"

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})"
_PATH = r"[A-Za-z0-9._~+@%=/-]{1,1024}"
_ADDRESSES = {
    "https": re.compile(rf"https://{_HOST}(:[0-9]{{1,5}})?/(?!-){_PATH}"),
    "http": re.compile(rf"http://{_HOST}(:[0-9]{{1,5}})?/(?!-){_PATH}"),
    "ssh": re.compile(
        rf"ssh://([A-Za-z0-9_][A-Za-z0-9._-]{{0,62}}@)?{_HOST}(:[0-9]{{1,5}})?/(?!-){_PATH}"
        rf"|[A-Za-z0-9_][A-Za-z0-9._-]{{0,62}}@{_HOST}:(?![-/:]){_PATH}"
    ),
}


def _scheme(text: str) -> str | None:
    return next((scheme for scheme, form in _ADDRESSES.items() if form.fullmatch(text)), None)


def _address(text: str) -> str:
    if _scheme(text) is None:
        raise ValueError("an address is https://host/path, http://host/path, ssh://user@host/path or user@host:path")
    return text


ClusterAddress = Annotated[str, AfterValidator(_address), Field(json_schema_extra={"maxLength": 1300})]


class DeliveryCredentials(Part):
    """What opens the repository: a Secret that exists in the namespace of every environment that needs it."""

    secret: DnsName = Field(
        description="The Secret's name. For https it has password (a token is fine) and, where the server asks for "
        "it, username; for ssh it has ssh-privatekey and known_hosts."
    )


class Delivery(Part):
    """How pods reach this repository, to fetch what is too large for ConfigMaps (`content.mount: init`)."""

    repository: ClusterAddress | None = Field(
        None, description="The address at which the cluster reads this repository: https, http or ssh."
    )
    git_image: ImageReference = Field(
        GIT_IMAGE, description="The image of the container that fetches: it has git, sh and, for ssh, an ssh client."
    )
    credentials: DeliveryCredentials | None = Field(
        None, description="What opens the repository. Default: everybody in the cluster may read it."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.credentials is not None and self.scheme == "http":
            raise ValueError("credentials go over https or ssh, never over http")
        if self.credentials is None and self.scheme == "ssh":
            raise ValueError("an ssh address needs credentials")
        return self

    @property
    def scheme(self) -> str | None:
        """How the repository is reached: https, http or ssh; None where it has no address."""
        return _scheme(self.repository) if self.repository else None
