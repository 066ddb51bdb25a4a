"""Mounted files: keys without doubt, Secrets by the key, pods that restart when a file changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis
from hypothesis import strategies as st

from tests.rendering import strategies as some
from tests.rendering.deployments import Refused, Rendered, deploy
from tests.rendering.kubernetes import faults, is_config_key


def _texts(texts: Mapping[str, str]) -> Rendered:
    return deploy({"files": {path: {"text": text} for path, text in texts.items()}})


def _mounted(rendered: Rendered) -> dict[str, str]:
    """What the container finds: path to text, as Kubernetes puts it together."""
    data = rendered.objects["ConfigMap"]["data"]
    mounts = rendered.container["volumeMounts"]
    return {mount["mountPath"]: data[mount["subPath"]] for mount in mounts if mount["name"] == "files"}


def _mounts(rendered: Rendered, kind: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every volume of a kind, with each of its mounts."""
    volumes = {volume["name"]: volume[kind] for volume in rendered.pod["volumes"] if kind in volume}
    mounts = rendered.container["volumeMounts"]
    return [(volumes[mount["name"]], mount) for mount in mounts if mount["name"] in volumes]


@hypothesis.settings(deadline=None, max_examples=150)
@hypothesis.given(texts=st.dictionaries(some.PATHS, some.TEXTS, min_size=1, max_size=8))
def test_each_path_holds_its_own_text(texts: dict[str, str]) -> None:
    try:
        rendered = _texts(texts)
    except Refused:
        hypothesis.reject()
    assert _mounted(rendered) == texts
    assert faults(rendered.objects) == []


def test_a_file_is_kept_under_its_own_name() -> None:
    rendered = _texts({"/etc/cart/cart.conf": "a", "/etc/cart/tls/ca.crt": "b"})
    assert set(rendered.objects["ConfigMap"]["data"]) == {"cart.conf", "ca.crt"}


def test_many_files_of_one_name_are_kept_apart() -> None:
    texts = {f"/etc/part-{number}/app.conf": str(number) for number in range(200)}
    assert _mounted(_texts(texts)) == texts


def test_a_name_that_looks_like_a_key_with_a_digest_is_kept_apart_from_one() -> None:
    keys = set(_texts({"/a/app.conf": "1", "/b/app.conf": "2"}).objects["ConfigMap"]["data"])
    texts = {"/a/app.conf": "1", "/b/app.conf": "2"} | {f"/c/{key}": key for key in keys}
    assert _mounted(_texts(texts)) == texts


def test_names_that_kubernetes_does_not_take_become_keys_that_it_takes() -> None:
    long = "x" * 5 + ".." + "y" * 198
    texts = {"/a/..x": "1", "/a/.x": "2", f"/a/{long}": "3", "/a/b c": "4", "/a/b_c": "5", "/a/@": "6"}
    rendered = _texts(texts)
    assert _mounted(rendered) == texts
    assert all(is_config_key(key) for key in rendered.objects["ConfigMap"]["data"])


def test_only_the_keys_that_are_used_of_a_secret_are_mounted() -> None:
    files = {
        "/etc/a": {"secret": {"name": "tls", "key": "tls.crt"}},
        "/etc/b": {"secret": {"name": "tls", "key": "tls.key"}},
        "/etc/c": {"secret": {"name": "tls", "key": "tls.crt"}},
    }
    found = _mounts(deploy({"files": files}), "secret")
    items = [{"key": key, "path": key} for key in ("tls.crt", "tls.key")]
    assert [volume for volume, _ in found] == [{"secretName": "tls", "items": items}] * 3
    assert [mount["subPath"] for _, mount in found] == ["tls.crt", "tls.key", "tls.crt"]


def test_an_optional_key_does_not_make_the_others_of_its_secret_optional() -> None:
    files = {
        "/etc/a": {"secret": {"name": "tls", "key": "tls.crt"}},
        "/etc/b": {"secret": {"name": "tls", "key": "extra", "optional": True}},
    }
    rendered = deploy({"files": files})
    found = [(mount["mountPath"], volume.get("optional", False)) for volume, mount in _mounts(rendered, "secret")]
    assert found == [("/etc/a", False), ("/etc/b", True)]
    assert faults(rendered.objects) == []


def test_pods_restart_when_a_mounted_file_changes() -> None:
    one, other = _texts({"/etc/a": "1\n"}), _texts({"/etc/a": "2\n"})
    assert one.objects["ConfigMap"]["metadata"]["name"] != other.objects["ConfigMap"]["metadata"]["name"]
    assert one.pod != other.pod


def test_pods_do_not_restart_when_nothing_in_them_changes() -> None:
    files = {"files": {"/etc/a": {"text": "1\n"}}}
    scaled = {**files, "scaling": {"minReplicas": 3, "maxReplicas": 9}}
    assert deploy(files).pod == deploy(files, version=4).pod == deploy(scaled).pod


def test_a_config_map_cannot_change_under_a_running_pod() -> None:
    assert _texts({"/etc/a": "1"}).objects["ConfigMap"]["immutable"] is True
