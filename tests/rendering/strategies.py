"""Settings as people could write them: everything that the models say they take, and often enough its edges."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from headpin.rendering import name_fault
from headpin.types import RESERVED_NAMES, AgentName, path_fault

LONGEST = 40


def names() -> st.SearchStrategy[str]:
    """Names of projects and agents, the longest among them."""
    some = st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True)
    longest = st.from_regex(r"[a-z][a-z0-9-]{38}[a-z0-9]", fullmatch=True)
    return st.one_of(some, longest).filter(lambda name: name not in RESERVED_NAMES)


AGENT_NAMES = st.builds(AgentName, names(), names())

# What headpin takes in a document: no surrogates and no control characters but tabs and line breaks.
TEXTS = st.one_of(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], include_characters="\t\n"), max_size=40
    ),
    st.sampled_from(["", "no", "0x1F", "1e3", "~", "---", "a: b", "{{ name }}", "$(HOME) $$", "x\ny\n", "\ud7ff"]),
)
VARIABLE_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
KEYS = st.one_of(
    st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{1,12}", fullmatch=True), st.sampled_from([".hidden", "a..b", "tls.crt"])
)
SUBDOMAINS = st.from_regex(
    r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?){0,2}", fullmatch=True
)
SECRET_KEYS = st.fixed_dictionaries({"name": SUBDOMAINS, "key": KEYS}, optional={"optional": st.booleans()})

_PARTS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_+@#,=][A-Za-z0-9._+@#,=~ -]{0,10}[A-Za-z0-9_]", fullmatch=True),
    st.sampled_from(["a", "b", "x.conf", ".hidden", "x conf", "x_conf", "..data", "0123abcd-x.conf"]),
)
_LONG_PART = st.builds(lambda head, tail: f"{head}..{tail * 198}", st.sampled_from(["a", "bb"]), st.just("c"))
PATHS = (
    st.lists(st.one_of(_PARTS, _LONG_PART), min_size=1, max_size=3)
    .map(lambda parts: "/" + "/".join(parts))
    .filter(lambda path: path_fault(path[1:]) is None)
)
FILES = st.dictionaries(
    PATHS,
    st.one_of(st.fixed_dictionaries({"text": TEXTS}), st.fixed_dictionaries({"secret": SECRET_KEYS})),
    max_size=6,
)

# Any file of a source: text and not, names as git and headpin take them, none in a folder's place.
BYTES_OF_FILES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs", "Cf", "Cc"]), max_size=30).map(str.encode),
    st.sampled_from([b"", b"a\r\nb\r\n", b"\xef\xbb\xbfa", "\u0085\u2028\ufeff".encode(), b"a\0b", b"---\nkind: x\n"]),
)


def _is_folder(path: str, others: list[str]) -> bool:
    return any(other.startswith(f"{path}/") for other in others)


CONTENT_FILES = (
    st.dictionaries(PATHS.map(lambda path: path[1:]), BYTES_OF_FILES, max_size=6)
    .map(lambda files: {path: data for path, data in files.items() if not _is_folder(path, list(files))})
    .map(lambda files: {path: data for path, data in files.items() if name_fault(path) is None})
)
DELIVERIES = st.one_of(
    st.just({"repository": "http://git.example.com/acme/config.git"}),
    st.fixed_dictionaries(
        {"repository": st.just("https://git.example.com/acme/config.git")},
        optional={"credentials": st.fixed_dictionaries({"secret": SUBDOMAINS})},
    ),
    st.fixed_dictionaries(
        {
            "repository": st.sampled_from(["git@git.example.com:acme/config.git", "ssh://git.example.com:22/config"]),
            "credentials": st.fixed_dictionaries({"secret": SUBDOMAINS}),
        },
        optional={"gitImage": st.just("registry.example.com/tools/git:1")},
    ),
)
CONTENTS = st.fixed_dictionaries(
    {"files": st.just(["**"]), "mount": st.sampled_from(["configmap", "init"])}, optional={"path": PATHS}
)

CPU = st.one_of(
    st.sampled_from(["0", "1", "0.5", "100m", "2500m", "12", "0.001"]), st.integers(1, 64_000).map(lambda m: f"{m}m")
)
BYTES = st.one_of(
    st.sampled_from(["0", "128Mi", "1Gi", "1.5Gi", "500M", "1073741824", "1k"]),
    st.builds(
        lambda number, unit: f"{number}{unit}", st.integers(1, 2000), st.sampled_from(["", "Ki", "Mi", "Gi", "M"])
    ),
)
_QUANTITIES = st.fixed_dictionaries({}, optional={"cpu": CPU, "memory": BYTES, "ephemeralStorage": BYTES})
RESOURCES = st.one_of(
    st.builds(lambda part, found: {part: found}, st.sampled_from(["requests", "limits"]), _QUANTITIES),
    st.fixed_dictionaries({"requests": _QUANTITIES, "limits": _QUANTITIES}),
)

SCALING = st.one_of(
    st.fixed_dictionaries({}, optional={"minReplicas": st.integers(0, 3), "targetCPU": st.integers(1, 1000)}),
    st.builds(lambda low, more: {"minReplicas": low, "maxReplicas": low + more}, st.integers(1, 3), st.integers(0, 3)),
)

_ANNOTATION_NAMES = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", fullmatch=True)
ANNOTATION_KEYS = st.one_of(
    _ANNOTATION_NAMES, st.builds(lambda prefix, name: f"{prefix}/{name}", SUBDOMAINS, _ANNOTATION_NAMES)
)

PORT_NAMES = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z]([a-z0-9]{0,13}[a-z0-9])?", fullmatch=True),
)


@st.composite
def ports(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Ports with names and numbers of their own."""
    found = draw(st.lists(PORT_NAMES, max_size=4, unique=True))
    numbers = draw(st.lists(st.integers(1, 65535), min_size=len(found), max_size=len(found), unique=True))
    return [
        {"name": name, "port": number, "protocol": draw(st.sampled_from(["TCP", "TCP", "UDP"]))}
        | ({"servicePort": draw(st.integers(1, 65535))} if draw(st.integers(0, 4)) == 0 else {})
        for name, number in zip(found, numbers, strict=True)
    ]


@st.composite
def probes(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """Probes of all sorts, on ports of these names."""
    found: dict[str, Any] = {}
    for kind in ("startup", "readiness", "liveness"):
        sorts = ["none", "exec", *(["http", "tcp"] if names else [])]
        sort = draw(st.sampled_from(sorts))
        if sort == "none":
            continue
        check: dict[str, Any]
        if sort == "exec":
            check = {"command": draw(st.lists(TEXTS, min_size=1, max_size=3))}
        else:
            check = {"port": draw(st.sampled_from(names))}
        if sort == "http" and draw(st.booleans()):
            check["path"] = draw(st.from_regex(r"/[\x21-\x7e]{0,20}", fullmatch=True))
        found[kind] = {sort: check} | draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "initialDelay": st.integers(0, 60),
                    "period": st.integers(1, 60),
                    "timeout": st.integers(1, 60),
                    "failures": st.integers(1, 10),
                },
            )
        )
    return found


@st.composite
def agents(draw: st.DrawFn) -> dict[str, Any]:
    """The document of an agent, apart from its source and image."""
    found = draw(ports())
    writable = draw(st.lists(PATHS, max_size=3, unique=True))
    security: dict[str, Any] = {"writable": writable, "readOnlyRoot": draw(st.booleans())}
    if draw(st.booleans()):
        security["runAsUser"] = draw(st.integers(1, 2_147_483_647))
    return {
        "ports": found,
        "probes": draw(probes([port["name"] for port in found if port["protocol"] == "TCP"])),
        "security": security,
        "gracePeriod": draw(st.integers(0, 600)),
        **draw(st.fixed_dictionaries({}, optional={"command": st.lists(TEXTS, max_size=3), "args": st.lists(TEXTS)})),
        **draw(settings_layers()),
    }


def settings_layers() -> st.SearchStrategy[dict[str, Any]]:
    """What any layer may say."""
    return st.fixed_dictionaries(
        {},
        optional={
            "variables": st.dictionaries(VARIABLE_NAMES, TEXTS, max_size=5),
            "secrets": st.dictionaries(VARIABLE_NAMES.map("SECRET_{}".format), SECRET_KEYS, max_size=3),
            "files": FILES,
            "scaling": SCALING,
            "resources": RESOURCES,
            "serviceAccount": st.fixed_dictionaries(
                {"annotations": st.dictionaries(ANNOTATION_KEYS, TEXTS, max_size=3)}
            ),
            "imagePullSecrets": st.lists(SUBDOMAINS, max_size=2),
        },
    )


def own_layers() -> st.SearchStrategy[dict[str, Any]]:
    """What an agent's own layer may say."""
    return st.builds(lambda layer, stopped: {**layer, **stopped}, settings_layers(), _STOPPED)


_STOPPED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={"stopped": st.booleans()})


def releases_content() -> st.SearchStrategy[dict[str, Any]]:
    """The files of a release's content with the setting that names them and the delivery of its workspace; or none."""
    found = st.fixed_dictionaries({"setting": CONTENTS, "delivery": DELIVERIES, "files": CONTENT_FILES})
    return st.one_of(st.just({}), found)
