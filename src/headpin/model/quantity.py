"""Kubernetes quantities (Kubernetes API reference, "Quantity")."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

_CORES = r"[0-9]{1,6}(\.[0-9]{1,3}|m)?"
_BYTES = r"[0-9]{1,15}|[0-9]{1,9}(\.[0-9]{1,3})?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)"


def _cores(text: str) -> str:
    if re.fullmatch(_CORES, text) is None:
        raise ValueError(f"{text!r} is no number of cores; write for example 2, 0.5 or 500m")
    return text


def _bytes(text: str) -> str:
    """Kubernetes takes ``512m`` for memory too: half a byte, and a pod that never starts."""
    if re.fullmatch(_BYTES, text) is None:
        raise ValueError(f"{text!r} is no number of bytes; write for example 512Mi or 1.5Gi")
    return text


Cores = Annotated[str, AfterValidator(_cores), Field(json_schema_extra={"pattern": f"^({_CORES})$"})]
Bytes = Annotated[str, AfterValidator(_bytes), Field(json_schema_extra={"pattern": f"^({_BYTES})$"})]

_SUFFIX = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for. Raises ValueError for what is none."""
    found = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    if found is None or found.group(2) not in _SUFFIX:
        raise ValueError(f"{quantity} is not a quantity")
    return Decimal(found.group(1)) * _SUFFIX[found.group(2)]
