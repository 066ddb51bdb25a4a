"""Logins for registries: which one is for which image, and what is said of those that cannot be read."""

from __future__ import annotations

import json
import os
import stat
import time
import traceback
from base64 import b64encode
from pathlib import Path

import pytest

from headpin.errors import HeadpinError, PermanentError, SourceTrouble
from headpin.images import ImageName, image_name
from headpin.sources.logins import Helper, Login, Logins

CANARY = "c4N4ry-p4ssw0rd"
AUTH = b64encode(f"reader:{CANARY}".encode()).decode()
LOGIN = Login("reader", CANARY)


def named(text: str) -> ImageName:
    """`text` as an image's name."""
    name = image_name(text)
    assert isinstance(name, ImageName)
    return name


def logins(folder: Path, config: object, **variables: str) -> Logins:
    """Logins of a docker configuration file that says `config`."""
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    return Logins({"DOCKER_CONFIG": str(folder), "PATH": str(folder), **variables})


def program(folder: Path, name: str, script: str) -> None:
    """A helper program in `folder`."""
    place = folder / f"docker-credential-{name}"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)


KEYS = {
    "host": ("registry.example.com", "registry.example.com/a:1"),
    "host, case": ("Registry.Example.com", "registry.example.com/a:1"),
    "host and port": ("registry.example.com:8443", "registry.example.com:8443/a:1"),
    "scheme": ("https://registry.example.com", "registry.example.com/a:1"),
    "scheme and slash": ("https://registry.example.com/", "registry.example.com/a:1"),
    "scheme and version": ("https://registry.example.com/v1/", "registry.example.com/a:1"),
    "newer version": ("https://registry.example.com/v2", "registry.example.com/a:1"),
    "plain http": ("http://localhost:5000", "localhost:5000/a:1"),
    "Docker Hub": ("https://index.docker.io/v1/", "nginx"),
    "Docker Hub, written out": ("https://index.docker.io/v1/", "docker.io/acme/triage:1"),
    "Docker Hub, short": ("docker.io", "acme/triage:1"),
    "path": ("registry.example.com/acme", "registry.example.com/acme/triage:1"),
    "the whole path": ("registry.example.com/acme/triage", "registry.example.com/acme/triage:1"),
}


@pytest.mark.parametrize(("key", "image"), KEYS.values(), ids=KEYS)
def test_a_login_is_found_by_every_form_of_its_key(key: str, image: str, tmp_path: Path) -> None:
    assert logins(tmp_path, {"auths": {key: {"auth": AUTH}}}).find(named(image)) == LOGIN


OTHERS = {
    "another host": ("registry.example.com", "example.com/a:1"),
    "a host below": ("example.com", "registry.example.com/a:1"),
    "a host that ends alike": ("example.com", "badexample.com/a:1"),
    "another port": ("registry.example.com:8443", "registry.example.com/a:1"),
    "no port": ("registry.example.com", "registry.example.com:8443/a:1"),
    "another path": ("registry.example.com/acme", "registry.example.com/other/a:1"),
    "a path that starts alike": ("registry.example.com/acme", "registry.example.com/acme-evil/a:1"),
    "Docker Hub": ("https://index.docker.io/v1/", "registry.example.com/a:1"),
    "a user in the key": ("https://you@registry.example.com", "registry.example.com/a:1"),
    "a host in the path": ("evil.example.com/registry.example.com", "registry.example.com/a:1"),
}


@pytest.mark.parametrize(("key", "image"), OTHERS.values(), ids=OTHERS)
def test_a_login_is_for_no_other_registry(key: str, image: str, tmp_path: Path) -> None:
    assert logins(tmp_path, {"auths": {key: {"auth": AUTH}}}).find(named(image)) is None


def test_the_entry_with_the_longest_path_is_taken(tmp_path: Path) -> None:
    auths = {
        "registry.example.com": {"username": "all", "password": "x"},
        "registry.example.com/acme/triage": {"auth": AUTH},
        "registry.example.com/acme": {"username": "acme", "password": "x"},
    }
    found = logins(tmp_path, {"auths": auths})
    assert found.find(named("registry.example.com/acme/triage:1")) == LOGIN
    assert found.find(named("registry.example.com/acme/other:1")) == Login("acme", "x")
    assert found.find(named("registry.example.com/other:1")) == Login("all", "x")


ENTRIES = {
    "auth": ({"auth": AUTH}, LOGIN),
    "auth, padded as docker once did": ({"auth": b64encode(f"reader:{CANARY}\0\0".encode()).decode()}, LOGIN),
    "a password with a colon": ({"auth": b64encode(b"a:b:c").decode()}, Login("a", "b:c")),
    "user and password": ({"username": "reader", "password": CANARY}, LOGIN),
    "auth and the same again": ({"username": "other", "password": "x", "auth": AUTH}, LOGIN),
    "identity token": ({"auth": "", "identitytoken": CANARY}, Login(identity_token=CANARY)),
    "kept by a helper": ({}, None),
    "only an address": ({"email": "reader@example.com"}, None),
}


@pytest.mark.parametrize(("entry", "login"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_gives_its_login(entry: object, login: Login | None, tmp_path: Path) -> None:
    assert logins(tmp_path, {"auths": {"example.com": entry}}).find(named("example.com/a:1")) == login


BROKEN_ENTRIES = {
    "no mapping": CANARY,
    "nothing": None,
    "no base64": {"auth": f"{CANARY}!"},
    "no colon": {"auth": b64encode(CANARY.encode()).decode()},
    "no text": {"auth": b64encode(b"\xff:" + CANARY.encode()).decode()},
    "a number": {"auth": 7},
    "a list of passwords": {"username": "reader", "password": [CANARY]},
    "no password": {"username": CANARY},
    "no user": {"password": CANARY},
}


@pytest.mark.parametrize("entry", BROKEN_ENTRIES.values(), ids=BROKEN_ENTRIES)
def test_a_broken_entry_is_a_trouble_of_its_own_registry_only(entry: object, tmp_path: Path) -> None:
    found = logins(tmp_path, {"auths": {"example.com": entry, "other.example.com": {"auth": AUTH}}})
    assert found.find(named("other.example.com/a:1")) == LOGIN
    with pytest.raises(PermanentError) as error:
        found.find(named("example.com/a:1"))
    assert "'example.com'" in str(error.value)
    says_nothing(error.value)


BROKEN_FILES = {
    "empty": "",
    "no JSON": f'{{"auths": {{"example.com": {{"auth": "{CANARY}"',
    "a list": f'["{CANARY}"]',
    "deep": "[" * 200_000,
    "auths is a list": f'{{"auths": ["{CANARY}"]}}',
    "helpers are a text": f'{{"credHelpers": "{CANARY}"}}',
    "no UTF-8": "\udcff" + CANARY,
    "too large": f'{{"auths": {{}}, "x": "{CANARY * 100_000}"}}',
}


@pytest.mark.parametrize("text", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_file_is_a_trouble_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = Logins({"DOCKER_CONFIG": str(tmp_path)})
    for _ in range(2):
        with pytest.raises(PermanentError) as error:
            found.find(named("example.com/a:1"))
        assert str(tmp_path / "config.json") in str(error.value)
        says_nothing(error.value)


def says_nothing(error: HeadpinError) -> None:
    """Asserts that a secret is nowhere in what is printed of `error`, nor of what it came from."""
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(error) + error.remedy
    assert CANARY not in repr(error.__context__) + repr(error.__cause__)


def test_a_file_that_is_no_file_is_a_trouble(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(PermanentError, match="is no file"):
        Logins({"DOCKER_CONFIG": str(tmp_path)}).find(named("example.com/a:1"))


def test_only_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    name = named("example.com/a:1")
    assert Logins({}).find(name) is None
    assert Logins({"HOME": str(tmp_path)}).find(name) is None
    assert Logins({"DOCKER_CONFIG": str(tmp_path / "absent")}).find(name) is None
    with pytest.raises(PermanentError, match="which is not there"):
        Logins({"HEADPIN_REGISTRY_CONFIG": str(tmp_path / "absent")}).find(name)


def test_the_places_of_the_file_in_their_order(tmp_path: Path) -> None:
    variables = {}
    for variable, place in (
        ("HOME", ".docker/config.json"),
        ("DOCKER_CONFIG", "config.json"),
        ("HEADPIN_REGISTRY_CONFIG", ".dockerconfigjson"),
    ):
        path = tmp_path / variable / place
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"auths": {"example.com": {"username": variable, "password": "x"}}}))
        variables[variable] = str(path if variable == "HEADPIN_REGISTRY_CONFIG" else tmp_path / variable)
        assert Logins(variables).find(named("example.com/a:1")) == Login(variable, "x")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    found = logins(tmp_path, {"auths": {}})
    name = named("example.com/a:1")
    assert found.find(name) is None
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"example.com": {"auth": AUTH}}}))
    assert found.find(name) == LOGIN
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PermanentError):
        found.find(name)
    (tmp_path / "config.json").unlink()
    assert found.find(name) is None


def test_the_environment_names_one_login_and_its_registry(tmp_path: Path) -> None:
    variables = {"HEADPIN_REGISTRY_USER": "you", "HEADPIN_REGISTRY_PASSWORD": CANARY}
    config = {"auths": {"example.com": {"auth": AUTH}, "other.example.com": {"auth": AUTH}}}
    found = logins(tmp_path, config, **variables, HEADPIN_REGISTRY_HOST="https://example.com/")
    assert found.find(named("example.com/a:1")) == Login("you", CANARY)
    assert found.find(named("other.example.com/a:1")) == LOGIN
    hub = Logins({**variables, "HEADPIN_REGISTRY_HOST": "docker.io"})
    assert hub.find(named("nginx")) == Login("you", CANARY)
    with pytest.raises(PermanentError, match="needs HEADPIN_REGISTRY_HOST too") as error:
        Logins(variables).find(named("example.com/a:1"))
    says_nothing(error.value)


# ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

ANSWER = json.dumps({"ServerURL": "x", "Username": "reader", "Secret": CANARY})


@pytest.mark.parametrize(("config", "image", "server"), [
    ({"credHelpers": {"example.com": "vault"}}, "example.com/a:1", "example.com"),
    ({"credHelpers": {"https://example.com": "vault"}}, "example.com/a:1", "https://example.com"),
    ({"credsStore": "vault"}, "example.com:8443/a:1", "example.com:8443"),
    ({"credsStore": "vault", "auths": {"https://example.com": {}}}, "example.com/a:1", "https://example.com"),
    ({"credsStore": "vault"}, "nginx", "https://index.docker.io/v1/"),
    ({"credHelpers": {"docker.io": "vault"}}, "nginx", "https://index.docker.io/v1/"),
])  # fmt: skip
def test_a_helper_is_asked_for_the_server_as_docker_does(
    config: object, image: str, server: str, tmp_path: Path
) -> None:
    program(tmp_path, "vault", f'test "$1" = get && read -r asked; echo "$asked" > {tmp_path}/asked; echo \'{ANSWER}\'')
    found = logins(tmp_path, config)
    helper = found.find(named(image))
    assert helper == Helper(str(tmp_path / "docker-credential-vault"), server)
    assert found.ask(helper, 10) == LOGIN
    assert (tmp_path / "asked").read_text() == f"{server}\n"


def test_a_helper_comes_before_the_file_and_one_for_the_registry_before_the_one_for_all(tmp_path: Path) -> None:
    for name in ("one", "all"):
        program(tmp_path, name, "exit 1")
    config = {"credHelpers": {"example.com": "one"}, "credsStore": "all", "auths": {"example.com": {"auth": AUTH}}}
    found = logins(tmp_path, config)
    helper = found.find(named("example.com/a:1"))
    assert isinstance(helper, Helper) and helper.shown == "docker-credential-one"
    other = found.find(named("other.example.com/a:1"))
    assert isinstance(other, Helper) and other.shown == "docker-credential-all"


def test_a_helper_that_is_not_there_is_a_trouble_where_it_is_needed(tmp_path: Path) -> None:
    config = {"credHelpers": {"example.com": "gone"}, "credsStore": "gone", "auths": {"kept.example.com": {}}}
    found = logins(tmp_path, config)
    for image in ("example.com/a:1", "kept.example.com/a:1"):
        with pytest.raises(PermanentError, match=r"docker-credential-gone, .* is not on PATH"):
            found.find(named(image))
    assert found.find(named("public.example.com/a:1")) is None


@pytest.mark.parametrize("name", ["../../bin/sh", "/bin/sh", "-x", "a b", "a;b", "", 7, ["x"]])
def test_a_helper_is_the_name_of_a_program_and_nothing_else(name: object, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no program's name"):
        logins(tmp_path, {"credHelpers": {"example.com": name}}).find(named("example.com/a:1"))


def test_an_identity_token_and_no_login_at_all(tmp_path: Path) -> None:
    found = logins(tmp_path, {"credHelpers": {"example.com": "token", "other.example.com": "none"}})
    program(tmp_path, "token", f"echo '{json.dumps({'Username': '<token>', 'Secret': CANARY})}'")
    program(tmp_path, "none", "echo 'credentials not found in native keychain'; exit 1")
    answers = []
    for image in ("example.com/a:1", "other.example.com/a:1"):
        helper = found.find(named(image))
        assert isinstance(helper, Helper)
        answers.append(found.ask(helper, 10))
    assert answers == [Login(identity_token=CANARY), None]


HELPERS = {
    "fails": (f"echo {CANARY} >&2; exit 3", "failed with exit code 3"),
    "says nonsense": (f"echo '{CANARY}'", "no login"),
    "says nothing": ("exit 0", "no login"),
    "says half of it": (f"""echo '{{"Secret": "{CANARY}"}}'""", "no login"),
    "says another type": ("""echo '{"Username": 1, "Secret": 2}'""", "no login"),
    "never ends": (f"echo {CANARY}; exec /bin/sleep 30", "no answer within 1 seconds"),
    "never stops": ("while :; do echo 0000000000000000000000000000000000000000000000000000; done", "docker-credential"),
}


@pytest.mark.parametrize(("script", "problem"), HELPERS.values(), ids=HELPERS)
def test_a_helper_that_gives_no_login_is_a_trouble(script: str, problem: str, tmp_path: Path) -> None:
    program(tmp_path, "bad", script)
    found = logins(tmp_path, {"credHelpers": {"example.com": "bad"}})
    helper = found.find(named("example.com/a:1"))
    assert isinstance(helper, Helper)
    started = time.monotonic()
    with pytest.raises(SourceTrouble, match=problem) as error:
        found.ask(helper, 1)
    assert time.monotonic() - started < 5
    says_nothing(error.value)


def test_a_program_that_cannot_be_started_is_a_trouble(tmp_path: Path) -> None:
    place = tmp_path / "docker-credential-bad"
    place.write_text("#!/nonexistent/interpreter\n")
    place.chmod(0o755)
    with pytest.raises(PermanentError, match="cannot be started"):
        Logins({"PATH": str(tmp_path)}).ask(Helper(str(place), "example.com"), 5)


def test_no_secret_is_in_what_is_shown_of_a_login(tmp_path: Path) -> None:
    found = logins(tmp_path, {"auths": {"example.com": {"auth": AUTH}, "t.example.com": {"identitytoken": CANARY}}})
    for image in ("example.com/a:1", "t.example.com/a:1"):
        login = found.find(named(image))
        assert isinstance(login, Login)
        shown = f"{login!r} {login} {found!r} {vars(found)!r}"
        assert CANARY not in shown and AUTH not in shown and "reader" not in shown
