"""Kubernetes quantities (Kubernetes API reference, "Quantity")."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints

PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,9})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"

Quantity = Annotated[str, StringConstraints(pattern=PATTERN)]

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
