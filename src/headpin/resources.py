"""Where headpin's own files are: schemas, templates and the example.

In a checkout (editable install) they are at the top of the repository, in a wheel below this package.
Must never write.
"""

from __future__ import annotations

from pathlib import Path

from headpin.errors import PermanentError

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder `name` ("schemas", "templates" or "example-config-repo").

    Raises PermanentError when the installation is incomplete.
    """
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parents[1] / name):
        if place.is_dir():
            return place
    raise PermanentError(
        f"this installation of headpin has no {name} folder", remedy="install headpin again from its wheel"
    )
