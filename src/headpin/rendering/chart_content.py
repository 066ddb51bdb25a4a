"""A content snapshot in a chart: what its values say, and the files that its templates take it from.

The files are not in the values, so that a change of a prompt is a change of that text's file and of the one line
that names its ConfigMap. They are in one folder, under the keys that the ConfigMaps have for them, and none ends
in a way that something between the branch and Helm has a rule for: Flux leaves `*.png` and `appveyor.yml` out of
what it fetches, and git rewrites files where a `.gitattributes` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headpin.rendering.inputs import RenderInput
from headpin.rendering.templates import TemplateSet
from headpin.rendering.values import Values, env_values
from headpin.workspace.charts import CONTENT_FOLDER

_SCRIPT, _SCRIPT_TEMPLATE = f"{CONTENT_FOLDER}/fetch-content.sh", "fetch-content.sh.j2"


def content_values(render: RenderInput, view: Mapping[str, Any]) -> Values:
    """The content in a chart's values: where it is mounted, and from which ConfigMaps or by which container."""
    if render.content is None:
        return {}
    init = view["init"]
    if init is None:
        return {"path": render.content.path, "configMaps": [_map_values(found) for found in view["content_maps"]]}
    return {
        "path": render.content.path,
        "init": {
            "image": init["image"],
            "env": env_values(init["env"]),
            "keys": {"secret": init["keys"]["secret"], "keys": list(init["keys"]["keys"])} if init["keys"] else {},
            "resources": {"requests": dict(init["requests"]), "limits": dict(init["limits"])},
            "runAsUser": init["user"],
            "sizeLimit": init["content_limit"],
            "workSizeLimit": init["work_limit"],
        },
    }


def content_files(view: Mapping[str, Any], templates: TemplateSet) -> dict[str, str]:
    """Path in the chart to text of every file that `content_values` speaks of. Raises RenderError."""
    files: dict[str, str] = {}
    for found in view["content_maps"]:
        files |= {_file(key, found): text for key, text in found["data"].items()}
        files |= {_file(key, found): f"{text}\n" for key, text in found["binary_data"].items()}
    return files if view["init"] is None else {_SCRIPT: templates.render(_SCRIPT_TEMPLATE, {})}


def _map_values(found: Mapping[str, Any]) -> Values:
    return {"name": found["name"], "files": {item["path"]: _file(item["key"], found) for item in found["items"]}}


def _file(key: str, found: Mapping[str, Any]) -> str:
    return f"{CONTENT_FOLDER}/{key}.{'txt' if key in found['data'] else 'base64'}"
