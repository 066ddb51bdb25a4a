"""Mounted content: one folder with every file as it is, from ConfigMaps or from the environment's branch."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

from headpin.rendering import RenderError, name_fault, render_files, size_fault
from headpin.rendering.content import MAX_LISTED_BYTES, MAX_MAP_BYTES, MAX_MAPS
from headpin.types import AgentName
from tests.programs import kustomize
from tests.rendering import strategies as some
from tests.rendering.deployments import Rendered, deploy, templates
from tests.rendering.kubernetes import faults
from tests.rendering.test_names import LONGEST

FROM_MAPS = {"content": ["**"]}
FETCHED = {"content": {"files": ["**"], "mount": "init", "path": "/data"}}
HTTPS = {"repository": "https://git.example.com/acme/config.git"}
SECRET = {"credentials": {"secret": "config-reader"}}


def _content(files: Mapping[str, bytes]) -> Rendered:
    return deploy(FROM_MAPS, content=files)


def _held(config_map: Any, key: str) -> bytes:
    """The bytes under a key, as Kubernetes has them."""
    if key in config_map.get("data", {}):
        return str(config_map["data"][key]).encode()
    return base64.b64decode(config_map["binaryData"][key])


def _mounted(pod: Any, maps: list[Any]) -> dict[str, bytes]:
    """What the container finds in the content's folder, as the kubelet puts it together."""
    volume = next(volume for volume in pod["volumes"] if volume["name"] == "content")
    by_name = {found["metadata"]["name"]: found for found in maps}
    return {
        item["path"]: _held(by_name[source["configMap"]["name"]], item["key"])
        for source in volume.get("projected", {}).get("sources", ())
        for item in source["configMap"]["items"]
    }


@hypothesis.settings(deadline=None, max_examples=150)
@hypothesis.given(files=some.CONTENT_FILES)
def test_each_path_holds_its_own_bytes(files: dict[str, bytes]) -> None:
    rendered = _content(files)
    assert _mounted(rendered.pod, rendered.content_maps) == files
    assert faults(rendered.objects) == []


def test_all_files_are_one_read_only_folder() -> None:
    rendered = deploy(
        {"content": {"files": ["**"], "path": "/srv/content"}, "security": {"writable": []}},
        content={"a/b": b"1", "c": b"2"},
    )
    assert rendered.container["volumeMounts"] == [{"name": "content", "mountPath": "/srv/content", "readOnly": True}]
    assert "initContainers" not in rendered.pod


def test_text_stays_text_that_can_be_read_in_review() -> None:
    found = _content({"system.md": "Sei höflich.\nImmer.\n".encode(), "all.bin": b"\xff\0"})
    config_map = found.content_maps[0]
    assert config_map["data"] == {"system.md": "Sei höflich.\nImmer.\n"}
    assert set(config_map["binaryData"]) == {"all.bin"}
    assert "    Sei höflich.\n    Immer.\n" in found.files["configmap-content-1.yaml"]


@pytest.mark.parametrize("data", [b"\0", b"a\x7fb", "\x85".encode(), "\ufffe".encode(), b"\xff", b"\xed\xa0\x80"])
def test_what_no_text_carries_goes_as_bytes(data: bytes) -> None:
    config_map = _content({"f": data}).content_maps[0]
    assert "data" not in config_map and base64.b64decode(config_map["binaryData"]["f"]) == data


@pytest.mark.parametrize("letter", ["\x01", "\u00ad", "\n", "\\", "x", "\u2028", "\U0001f600"])
def test_the_largest_file_of_any_letter_is_rendered(letter: str) -> None:
    size = MAX_MAP_BYTES - 1
    data = (letter * (size // len(letter.encode()))).encode()
    rendered = _content({"f": data})
    assert _mounted(rendered.pod, rendered.content_maps) == {"f": data}


def test_without_files_the_folder_is_empty() -> None:
    rendered = _content({})
    assert rendered.content_maps == [] and {"name": "content", "emptyDir": {}} in rendered.pod["volumes"]
    assert faults(rendered.objects) == []


def test_a_release_without_content_is_rendered_as_if_its_agent_named_none() -> None:
    assert deploy(FROM_MAPS).files == deploy().files
    assert deploy(FROM_MAPS).render.digest() == deploy().render.digest()


# ── several ConfigMaps ───────────────────────────────────────────────────────────────────────────────


def test_as_much_as_kubernetes_takes_is_spread_over_config_maps() -> None:
    files = {f"part-{number}/data": bytes([number]) * (MAX_MAP_BYTES - 100) for number in range(MAX_MAPS)}
    assert size_fault({path: len(data) for path, data in files.items()}) is None
    rendered = _content(files)
    assert _mounted(rendered.pod, rendered.content_maps) == files
    names = [found["metadata"]["name"] for found in rendered.content_maps]
    assert names == [f"{names[0][:-2]}-{number}" for number in range(1, MAX_MAPS + 1)]
    assert sorted(name for name in rendered.files if "content" in name) == [
        f"configmap-content-{number}.yaml" for number in range(1, MAX_MAPS + 1)
    ]
    assert all(name in rendered.files["kustomization.yaml"] for name in rendered.files if "content" in name)
    assert faults(rendered.objects) == []


def test_small_files_fill_the_room_that_large_ones_leave() -> None:
    large = {f"large-{number}": b"x" * (MAX_MAP_BYTES - 1000) for number in range(2)}
    small = {f"small-{number}": b"y" * 400 for number in range(4)}
    assert len(_content(large | small).content_maps) == 2


TOO_LARGE = {
    "a file": ({"data/all.bin": 900_001}, "data/all.bin has 900,001 bytes, and a ConfigMap takes 900,000"),
    "a file with its key": ({"all.bin": 900_000}, "all.bin has 900,000 bytes"),
    "all files": (
        {f"f{number}": 800_000 for number in range(9)},
        "the content has 7,200,000 bytes in 9 files, and 8 ConfigMaps of 900,000 bytes",
    ),
    "their names": ({f"{'d' * 200}/{number}": 1 for number in range(2000)}, f"lists at most {MAX_LISTED_BYTES:,}"),
}


@pytest.mark.parametrize(("sizes", "told"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_does_not_fit_is_told_with_its_size(sizes: dict[str, int], told: str) -> None:
    assert told in (size_fault(sizes) or "")


@pytest.mark.parametrize(
    ("path", "fits"),
    [("..data/x", False), ("..x", False), ("a/..x", True), (".hidden", True), (f"a/{'b' * 256}", False)],
)
def test_names_that_kubernetes_does_not_mount_are_told(path: str, fits: bool) -> None:
    assert (name_fault(path) is None) == fits


# ── change ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [{"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}, {"x/a": b"1"}])
def test_pods_restart_when_content_changes(after: dict[str, bytes]) -> None:
    one, other = _content({"a": b"1"}), _content(after)
    assert one.pod != other.pod
    assert one.content_maps[0]["metadata"]["name"] != other.content_maps[0]["metadata"]["name"]
    assert one.render.digest() != other.render.digest()


def test_pods_do_not_restart_when_content_stays() -> None:
    one = deploy(FROM_MAPS, content={"a": b"1"})
    other = deploy({"content": ["prompts/**", "data/*"]}, content={"a": b"1"}, version=4)
    assert one.pod == other.pod


def test_the_digest_needs_no_file() -> None:
    render = _content({"a": b"1"}).render
    assert render.content is not None
    unread = replace(render, content=replace(render.content, files=None, sizes=None))
    assert unread.digest() == render.digest()
    with pytest.raises(ValueError, match="was not read"):
        render_files(unread, templates())


def test_a_config_map_cannot_change_under_a_running_pod() -> None:
    assert _content({"a": b"1"}).content_maps[0]["immutable"] is True


@pytest.mark.parametrize("name", LONGEST, ids=str)
def test_the_longest_names_are_taken(name: AgentName) -> None:
    files = {str(number): b"x" * 800_000 for number in range(2)}
    assert faults(deploy(FROM_MAPS, name=name, content=files).objects) == []


def test_no_other_agents_files_could_have_the_name_of_a_content_map() -> None:
    """`cart` has content, `cart-content` has files: their names differ in more than a digest that could be guessed."""
    content = _content({"a": b"1"}).content_maps[0]["metadata"]["name"]
    files = deploy({"files": {"/etc/a": {"text": "1"}}}, name=AgentName("shop", "cart-content")).objects["ConfigMap"]
    assert content.startswith("shop-cart-content-") and len(content) != len(files["metadata"]["name"])


@pytest.mark.parametrize(
    ("old", "new"),
    [("{{ text | block(4) }}", '{{ text ~ " " }}'), ("immutable: true", 'data: {a: "1"}\nimmutable: true')],
)
def test_content_that_was_changed_on_the_way_is_refused(old: str, new: str) -> None:
    name = "configmap-content.yaml.j2"
    texts = templates().texts
    bad = replace(templates(), texts={**texts, name: texts[name].replace(old, new)})
    with pytest.raises(RenderError):
        render_files(_content({"a": b"1"}).render, bad)


@pytest.mark.parametrize(("old", "new"), [("map.name", "name"), ("kind: ConfigMap", "kind: Service")])
def test_an_object_that_is_not_the_contents_is_refused(old: str, new: str) -> None:
    name = "configmap-content.yaml.j2"
    texts = templates().texts
    bad = replace(templates(), texts={**texts, name: texts[name].replace(old, new)})
    with pytest.raises(RenderError, match=r"configmap-content-1\.yaml: .* is not"):
        render_files(_content({"a": b"1"}).render, bad)


# ── the init container ───────────────────────────────────────────────────────────────────────────────


def test_an_init_container_fetches_what_is_mounted() -> None:
    rendered = deploy(FETCHED, delivery=HTTPS, content={"a": b"x" * 5_000_000})
    (container,) = rendered.pod["initContainers"]
    env = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert rendered.render.content is not None
    assert env == {
        "GIT_ALLOW_PROTOCOL": "https",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "HEADPIN_BRANCH": "refs/heads/env/prod",
        "HEADPIN_CONTENT": rendered.render.content.id,
        "HEADPIN_REPOSITORY": "https://git.example.com/acme/config.git",
        "HEADPIN_TARGET": "/headpin/content",
        "HOME": "/headpin/work",
    }
    volumes = {volume["name"]: volume for volume in rendered.pod["volumes"]}
    assert volumes["content"]["emptyDir"] == {"sizeLimit": "22Mi"}
    assert volumes["content-work"]["emptyDir"] == {"sizeLimit": "1034Mi"}
    assert {"name": "content", "mountPath": "/data", "readOnly": True} in rendered.container["volumeMounts"]
    assert rendered.content_maps == []
    assert faults(rendered.objects) == []


def test_the_init_container_meets_the_restricted_standard_too() -> None:
    rendered = deploy(FETCHED, delivery=HTTPS, content={"a": b"1"})
    (container,) = rendered.pod["initContainers"]
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"] == {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}


def test_a_token_is_referred_to_and_never_written() -> None:
    rendered = deploy(FETCHED, delivery=HTTPS | SECRET, content={"a": b"1"})
    (container,) = rendered.pod["initContainers"]
    references = {v["name"]: v["valueFrom"]["secretKeyRef"] for v in container["env"] if "valueFrom" in v}
    assert references == {
        "HEADPIN_PASSWORD": {"name": "config-reader", "key": "password"},
        "HEADPIN_USERNAME": {"name": "config-reader", "key": "username", "optional": True},
    }
    assert rendered.render.secrets == ("config-reader",)


@pytest.mark.parametrize(
    "address", ["git@git.example.com:acme/config.git", "ssh://git@git.example.com:2222/config.git"]
)
def test_a_key_is_mounted_where_the_agent_does_not_see_it(address: str) -> None:
    rendered = deploy(FETCHED, delivery={"repository": address} | SECRET, content={"a": b"1"})
    (container,) = rendered.pod["initContainers"]
    keys = {"name": "content-keys", "mountPath": "/headpin/credentials", "readOnly": True}
    assert keys in container["volumeMounts"]
    assert "content-keys" not in {mount["name"] for mount in rendered.container["volumeMounts"]}
    items = [{"key": key, "path": key} for key in ("ssh-privatekey", "known_hosts")]
    assert {"name": "content-keys", "secret": {"secretName": "config-reader", "items": items}} in rendered.pod[
        "volumes"
    ]
    assert not any("valueFrom" in variable for variable in container["env"])


def test_how_the_repository_is_reached_concerns_only_what_is_fetched() -> None:
    other = {"repository": "https://mirror.example.com/config.git"}
    assert deploy(FROM_MAPS, content={"a": b"1"}).render.digest() == (
        deploy(FROM_MAPS, content={"a": b"1"}, delivery=other).render.digest()
    )
    one, moved = (deploy(FETCHED, delivery=found, content={"a": b"1"}) for found in (HTTPS, other))
    assert one.render.digest() != moved.render.digest()


# ── kustomize ────────────────────────────────────────────────────────────────────────────────────────


def _every_letter() -> dict[str, bytes]:
    """Files that together hold every letter of the first plane and some beyond, and every byte."""
    ranges = [range(start, start + 256) for start in (*range(0, 0xD800, 256), *range(0xE000, 0x10000, 256))]
    ranges += [range(start, start + 256) for start in (0x1F600, 0x1FF00, 0xE0000, 0x10FF00)]
    files = {f"letters/{letters[0]:06x}": "".join(map(chr, letters)).encode() for letters in ranges}
    files |= {f"lines/{letters[0]:06x}": "\n".join(map(chr, letters)).encode() for letters in ranges}
    single = {f"one/{letter:02x}": f"a{chr(letter)}b\n".encode() for letter in range(256)}
    return files | single | {"bytes": bytes(range(256)), "crlf": b"a\r\nb\r\n", "bom": b"\xef\xbb\xbfa\n"}


def test_every_letter_comes_out_of_kustomize_as_it_went_in(tmp_path: Path) -> None:
    """And what kustomize wrote it reads again, as one kustomization does that takes from another."""
    files = _every_letter()
    folder = tmp_path / "first"
    folder.mkdir()
    for name, text in _content(files).files.items():
        (folder / name).write_text(text, "utf-8")
    once = kustomize(folder)
    (tmp_path / "all.yaml").write_bytes(once)
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    for built in (once, kustomize(tmp_path)):
        objects = list(yaml.load_all(built, yaml.CSafeLoader))
        pod = next(found for found in objects if found["kind"] == "Deployment")["spec"]["template"]["spec"]
        assert _mounted(pod, [found for found in objects if found["kind"] == "ConfigMap"]) == files
