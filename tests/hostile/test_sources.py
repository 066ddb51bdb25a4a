"""Source repositories: which addresses are allowed, and servers that lie, wait, redirect and listen."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from headpin.errors import PermanentError, SourceTrouble
from headpin.git import RemoteAddress, address_of, list_heads, redacted
from headpin.git import remotes as remotes_module
from headpin.git.program import environment, run_git
from headpin.model import Agent, parse
from headpin.sources import SourceKey, observe
from headpin.types import AgentName
from tests.hostile.servers import HttpServer, deaf_port, http_server, ssh_server
from tests.programs import program
from tests.world import AGENT, CART, SMALL, World, git

BASE = Path("/srv/config")
CANARY = "c4N4ry-t0ken"

REFUSED = {
    # options and helpers
    "helper": "ext::sh -c touch% /tmp/x",
    "helper, case": "EXT::sh",
    "helper that names a descriptor": "fd::17",
    "helper of a url": "https::https://example.com/a",
    "option": "--upload-pack=touch /tmp/x",
    "short option": "-oProxyCommand=x",
    "host is an option": "ssh://-oProxyCommand=touch%20x/a",
    "user is an option": "ssh://-oProxyCommand=x@example.com/a",
    "user is an option, encoded": "ssh://%2doProxyCommand=x@example.com/a",
    "path is an option": "ssh://example.com/-oProxyCommand=x",
    "short form, host is an option": "git@-oProxyCommand=x:a",
    "short form, path is an option": "git@example.com:-x",
    "short form with a password": "user:secret@example.com:a",
    # control characters
    "newline": "https://example.com/a\nhost=evil.example",
    "newline at the end": "https://example.com/a\n",
    "carriage return": "https://example.com/a\r",
    "tab": "https://exa\tmple.com/a",
    "NUL": "https://example.com/a\0",
    "escape": "\x1b[31m",
    "encoded newline in a password": "https://u:p%0ahost=evil.example@example.com/a",
    "encoded NUL in a user": "https://u%00:p@example.com/a",
    "encoded newline in a user": "ssh://u%0a@example.com/a",
    "empty": "",
    # schemes
    "plain http": "http://example.com/a",
    "plain http, a name that only looks local": "http://127.0.0.1.example.com/a",
    "plain http, user that looks like a host": "http://127.0.0.1@example.com/a",
    "git": "git://example.com/a",
    "ftp": "ftp://example.com/a",
    "ssh, old": "git+ssh://example.com/a",
    "javascript": "javascript://example.com/%0aalert(1)",
    "data": "data://example.com/a",
    "no scheme": "://example.com/a",
    # hosts
    "no host": "https:///a",
    "only a user": "https://user@/a",
    "file with a host": "file://example.com/a",
    "query": "https://example.com/a?service=x",
    "fragment": "https://example.com/a#b",
    "backslash": "https://example.com\\@evil.example/a",
    "space": "https://example.com/a b",
    "bad port": "https://example.com:x/a",
    "huge port": "https://example.com:99999/a",
    "unclosed bracket": "https://[::1/a",
    "encoded host": "https://169%2e254.169.254/a",
    "full-width host": "https://\uff11\uff16\uff19.254.169.254/a",
    "host in another script": "https://ex\u0430mple.com/a",
    "ssh with a password": "ssh://git:secret@example.com/a",
    # link-local and metadata
    "metadata": "https://169.254.169.254/latest",
    "metadata with a port": "https://169.254.169.254:443/latest",
    "metadata with a user": "https://a:b@169.254.169.254/latest",
    "metadata, trailing dot": "https://169.254.169.254./latest",
    "metadata, one number": "https://2852039166/latest",
    "metadata, hexadecimal": "https://0xa9fea9fe/latest",
    "metadata, hexadecimal parts": "https://0xa9.0xfe.0xa9.0xfe/latest",
    "metadata, octal parts": "https://0251.0376.0251.0376/latest",
    "metadata, mixed": "https://169.0xfe.43518/latest",
    "metadata, short": "https://169.16689662/latest",
    "metadata over http": "http://169.254.169.254/latest",
    "metadata over ssh": "ssh://169.254.169.254/a",
    "metadata, short form": "git@169.254.169.254:a",
    "container credentials": "https://169.254.170.2/v2",
    "metadata by name": "https://metadata.google.internal/a",
    "metadata by name, case and dot": "https://Metadata.Google.Internal./a",
    "metadata by short name": "https://metadata/a",
    "other clouds": "https://100.100.100.200/a",
    "other clouds, 2": "https://192.0.0.192/a",
    "other clouds, 3": "https://168.63.129.16/a",
    "IPv6 link-local": "https://[fe80::1]/a",
    "IPv6 link-local with a zone": "https://[fe80::1%25eth0]/a",
    "IPv6 metadata": "https://[fd00:ec2::254]/a",
    "IPv6 metadata, written out": "https://[fd00:0ec2:0:0:0:0:0:0254]/a",
    "IPv6-mapped metadata": "https://[::ffff:169.254.169.254]/a",
    "IPv6-mapped metadata, hexadecimal": "https://[::ffff:a9fe:a9fe]/a",
    "IPv6-compatible metadata": "https://[::169.254.169.254]/a",
    "6to4 metadata": "https://[2002:a9fe:a9fe::1]/a",
    "NAT64 metadata": "https://[64:ff9b::169.254.169.254]/a",
    "IPv6 over ssh": "ssh://git@[fe80::1]/a",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_an_address_off_the_allow_list_is_refused_before_git_sees_it(text: str) -> None:
    refusal = address_of(text, BASE)
    assert isinstance(refusal, str) and refusal
    found = observe([SourceKey(text, "main")], BASE, 1)
    assert [observation.revision for observation in found.values()] == [None]
    assert all(observation.problem.startswith("refused") for observation in found.values())


ALLOWED = {
    "https://github.com/acme/triage.git": ("https", "https://github.com/acme/triage.git"),
    "HTTPS://GitHub.com/acme/triage": ("https", "https://github.com/acme/triage"),
    "https://example.com:8443/a": ("https", "https://example.com:8443/a"),
    "https://10.1.2.3/a": ("https", "https://10.1.2.3/a"),
    "https://[2001:db8::1]:8443/a": ("https", "https://[2001:db8::1]:8443/a"),
    "https://user:token@example.com/a": ("https", "https://example.com/a"),
    "https://token@example.com/a": ("https", "https://example.com/a"),
    "ssh://git@example.com:2222/a": ("ssh", "ssh://git@example.com:2222/a"),
    "git@github.com:acme/triage.git": ("ssh", "git@github.com:acme/triage.git"),
    "file:///srv/git/a": ("file", "file:///srv/git/a"),
    "/srv/git/a": ("path", "/srv/git/a"),
    "../a": ("path", "/srv/config/../a"),
    "a/b::c": ("path", "/srv/config/a/b::c"),
    "http://127.0.0.1:8080/a": ("http", "http://127.0.0.1:8080/a"),
    "http://localhost/a": ("http", "http://localhost/a"),
    "http://[::1]/a": ("http", "http://[::1]/a"),
}


@pytest.mark.parametrize(("text", "expected"), ALLOWED.items())
def test_an_ordinary_address_is_taken_and_what_opens_it_is_set_apart(text: str, expected: tuple[str, str]) -> None:
    found = address_of(text, BASE)
    assert isinstance(found, RemoteAddress) and (found.scheme, found.url) == expected
    assert "token" not in repr(found) and "token" not in found.shown


SPELLINGS = {
    "plain": f"https://user:{CANARY}@example.com/a",
    "alone": f"https://{CANARY}@example.com/a",
    "with an @ of its own": f"https://user:p@{CANARY}@example.com/a",
    "with a slash of its own": f"https://user:p/{CANARY}@example.com/a",
    "with a hash of its own": f"https://user:p#{CANARY}@example.com/a",
    "with a question mark": f"https://user:p?{CANARY}@example.com/a",
    "with a colon": f"https://user:p:{CANARY}@example.com:x/a",
    "with a bracket": f"https://user:[{CANARY}@example.com/a",
    "without a host": f"https://user:{CANARY}@/a",
    "other scheme": f"ftp://user:{CANARY}@example.com/a",
    "plain http": f"http://user:{CANARY}@example.com/a",
    "ssh": f"ssh://user:{CANARY}@example.com/a",
    "metadata": f"https://user:{CANARY}@169.254.169.254/a",
    "short form": f"user:{CANARY}@example.com:a",
    "helper": f"ext::https://user:{CANARY}@example.com/a",
    "control": f"https://user:{CANARY}%0a@example.com/a",
    "file": f"file://user:{CANARY}@example.com/a",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_credential_in_an_address_is_never_told_whatever_is_wrong_with_the_rest(text: str) -> None:
    found = address_of(text, BASE)
    key = SourceKey(text, "main")
    assert CANARY not in f"{found!r} {found} {redacted(text)} {key!r} {key.shown}"
    model, faults = parse(Agent, {"source": {"repository": text}, "image": {"pattern": "r/x:{revision}"}})
    assert CANARY not in f"{model!r} {faults!r}"


def test_a_name_that_leads_to_a_metadata_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(2, 1, 6, "", ("93.184.216.34", 0)), (2, 1, 6, "", ("169.254.169.254", 0))]
    monkeypatch.setattr(remotes_module.socket, "getaddrinfo", lambda *_, **__: answer)
    for text in ("https://innocent.example/a", "ssh://innocent.example/a"):
        address = address_of(text, BASE)
        assert isinstance(address, RemoteAddress)
        with pytest.raises(PermanentError, match="metadata"):
            list_heads(address, ["main"], 5)


@pytest.mark.parametrize("branch", ["-x", ":/msg", "@{u}", "a..b", "x.lock", "a\nb", "refs/heads/*", ""])
def test_a_branch_that_is_none_is_never_given_to_git(branch: str) -> None:
    with pytest.raises(PermanentError, match="no branch"):
        list_heads(RemoteAddress("/nowhere", "path", ""), [branch], 5)


# ── real repositories and servers ────────────────────────────────────────────────────────────────────


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a bare repository `a.git` (main, and feature/x) and an empty one."""
    place = tmp_path / "root"
    work = tmp_path / "work"
    work.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    git("commit", "--quiet", "--allow-empty", "-m", "Start", cwd=work)
    git("branch", "feature/x", cwd=work)
    git("branch", "other/refs/heads/main", cwd=work)
    place.mkdir()
    git("clone", "--quiet", "--bare", str(work), str(place / "a.git"), cwd=tmp_path)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(place / "empty.git"), cwd=tmp_path)
    (place / "none.git").mkdir()
    return place


def head_of(root: Path) -> str:
    """Where main is in a.git."""
    return git("rev-parse", "main", cwd=root / "a.git")


def ask(text: str, base: Path, branch: str = "main", seconds: float = 10) -> tuple[str | None, str]:
    """What is observed of one branch: revision and problem."""
    found = observe([SourceKey(text, branch)], base, seconds)[SourceKey(text, branch)]
    return found.revision, found.problem


@pytest.mark.parametrize("form", ["{root}/a.git", "file://{root}/a.git", "root/a.git", "./root/../root/a.git"])
def test_a_local_repository_is_asked_in_every_form(root: Path, form: str) -> None:
    text = form.format(root=root)
    assert ask(text, root.parent) == (head_of(root), "")
    assert ask(text, root.parent, "feature/x")[0]
    revision, problem = ask(text, root.parent, "gone")
    assert revision is None and "no branch gone" in problem


@pytest.mark.parametrize("name", ["empty.git", "none.git", "nowhere.git", "a.git/config"])
def test_a_repository_that_is_empty_or_none_is_told(root: Path, name: str) -> None:
    revision, problem = ask(str(root / name), root)
    assert revision is None and problem and "\n" not in problem


def test_git_over_http_answers(root: Path) -> None:
    with http_server(root) as server:
        assert ask(f"{server.url}/a.git", root) == (head_of(root), "")
        assert ask(f"{server.url}/empty.git", root)[0] is None
        revision, problem = ask(f"{server.url}/nowhere.git", root)
        assert revision is None and "not found" in problem


PASSWORDS = {
    "plain": CANARY,
    "with letters that URLs encode": f"{CANARY}/@:%?#&",
    "with letters that shells read": f"{CANARY}\\n$(id)`id`'\";",
    "not ASCII": f"{CANARY}é",
}


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_a_credential_in_the_address_works_and_is_seen_nowhere(root: Path, password: str) -> None:
    from urllib.parse import quote

    with http_server(root, login=f"user:{password}") as server:
        address = server.url.replace("://", f"://user:{quote(password, safe='')}@") + "/a.git"
        assert ask(address, root) == (head_of(root), "")
        assert server.logins and set(server.logins) == {f"user:{password}"}
        assert not any(CANARY in seen for seen in server.seen), "a process argument shows it"


def test_a_token_alone_in_the_address_works(root: Path) -> None:
    with http_server(root, login=f"{CANARY}:") as server:
        assert ask(server.url.replace("://", f"://{CANARY}@") + "/a.git", root) == (head_of(root), "")
        server.login = "other:"
        revision, problem = ask(server.url.replace("://", f"://{CANARY}@") + "/a.git", root)
        assert revision is None and problem and CANARY not in problem


@pytest.mark.parametrize("mood", ["garbage", "cut", "escapes", "zero", "proxy"])
def test_a_server_that_answers_nonsense_is_a_problem_on_one_clean_line(root: Path, mood: str) -> None:
    with http_server(root, mood) as server:
        address = server.url.replace("://", f"://user:{CANARY}@") + "/a.git"
        revision, problem = ask(address, root)
    assert revision is None and problem.isprintable() and len(problem) < 800
    assert CANARY not in problem and server.url.removeprefix("http://") in problem


def test_a_server_that_never_stops_talking_is_cut_off(root: Path) -> None:
    with http_server(root, "endless") as server:
        started = time.monotonic()
        revision, problem = ask(f"{server.url}/a.git", root, seconds=3)
    assert revision is None and problem and time.monotonic() - started < 12


def test_a_long_complaint_of_a_server_is_cut_in_linear_time() -> None:
    address = RemoteAddress("https://example.com/a", "https", "example.com", "user", CANARY)
    started = time.monotonic()
    for text in ("://" * 2_000_000, "a:" * 2_000_000, f"{CANARY} " * 300_000, f"{'x' * 3_995}{CANARY}"):
        told = remotes_module.said_by(text, address)
        assert len(told) <= 500 and "c4N4" not in told
    assert time.monotonic() - started < 2


def test_a_program_that_never_stops_writing_is_cut_off() -> None:
    with pytest.raises(SourceTrouble, match="more than 8,388,608 bytes"):
        run_git(["-c", "alias.x=!yes", "x"], seconds=20)


def test_a_time_limit_ends_the_program_and_all_that_it_started(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(SourceTrouble, match="no answer within"):
        run_git(["-c", f"alias.x=!sh -c 'echo $$ > {tmp_path}/pid; exec sleep 30'", "x"], seconds=0.5)
    assert time.monotonic() - started < 8
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[-1]:
            return
        time.sleep(0.02)
    raise AssertionError("the program's own child still runs")


def test_a_redirect_is_not_followed_and_nothing_travels_with_it(root: Path) -> None:
    with http_server(root) as evil, http_server(root, "redirect", target=evil.url) as server:
        address = server.url.replace("://", f"://user:{CANARY}@") + "/a.git"
        revision, problem = ask(address, root)
        assert revision is None and "redirect" in problem and CANARY not in problem
        assert evil.asked == [] and evil.logins == []


def test_a_redirect_after_the_password_was_given_is_not_followed_either(root: Path) -> None:
    login = f"user:{CANARY}"
    with http_server(root, login=login) as evil, http_server(root, "redirect", login=login, target=evil.url) as server:
        revision, _ = ask(server.url.replace("://", f"://user:{CANARY}@") + "/a.git", root)
        assert revision is None and server.logins and evil.asked == []


def test_a_proxy_that_asks_for_a_password_does_not_get_the_sources(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(root, "proxy") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        address = RemoteAddress("http://127.0.0.1:1/a.git", "http", "127.0.0.1", "user", CANARY)
        with pytest.raises(SourceTrouble) as caught:
            list_heads(address, ["main"], 10)
    assert proxy.asked and proxy.logins == []
    assert CANARY not in "".join(traceback.format_exception(caught.value))


# ── the user's own settings and environment ──────────────────────────────────────────────────────────


def test_settings_of_the_repository_one_stands_in_do_not_lead_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    git("init", "--quiet", cwd=here)
    git("config", f"url.{tmp_path}/evil/.insteadOf", f"{root}/", cwd=here)
    git("config", "core.sshCommand", f"touch {tmp_path}/ran", cwd=here)
    monkeypatch.chdir(here)
    assert ask(str(root / "a.git"), root) == (head_of(root), "")
    ask("ssh://127.0.0.1:1/a.git", root, seconds=3)
    assert not (tmp_path / "ran").exists()


def test_an_ssh_command_in_the_users_settings_is_not_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text(f"[core]\n\tsshCommand = touch {tmp_path}/ran\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    ask("ssh://127.0.0.1:1/a.git", root, seconds=3)
    assert not (tmp_path / "ran").exists()


GIT_ENVIRONMENT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")


def test_git_variables_of_the_caller_redirect_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.small(tmp_path / "w")
    other = World.small(tmp_path / "other")
    tips, index = other.tips(), (other.config / ".git" / "index").read_bytes()
    for name in GIT_ENVIRONMENT:
        monkeypatch.setenv(name, str(other.config / ".git"))
    monkeypatch.setenv("GIT_NAMESPACE", "evil")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{tmp_path}/evil/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{tmp_path}/")
    monkeypatch.setenv("GIT_SSH_COMMAND", "true")
    assert {name for name in environment() if name.startswith("GIT_")} == {
        *("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_SSH_COMMAND"),
    }
    report = world.fresh().reconcile()
    monkeypatch.undo()
    assert not report.failed and not report.sources and report.commits
    assert world.record("dev").served is not None
    assert other.tips() == tips and (other.config / ".git" / "index").read_bytes() == index


# ── SSH ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sshd() -> str:
    """The server's program."""
    return program("sshd")


def test_git_over_ssh_answers_with_the_callers_key(
    root: Path, tmp_path: Path, sshd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ssh_server(tmp_path / "sshd", sshd) as server:
        address = f"ssh://{server.user}@127.0.0.1:{server.port}{root}/a.git"
        revision, problem = ask(address, root, seconds=20)
        assert revision is None and problem.isprintable(), "an unknown host is not trusted"
        monkeypatch.setenv("GIT_SSH_COMMAND", server.command)
        assert ask(address, root, seconds=20) == (head_of(root), ""), (tmp_path / "sshd" / "log").read_text()
        assert ask(address, root, "gone", 20)[0] is None


# ── whole passes ─────────────────────────────────────────────────────────────────────────────────────


def world_of(folder: Path, sources: dict[str, str], branch: str = "main", seconds: int = 10) -> World:
    """A workspace with one agent for each source."""
    world = World(folder)
    files = {path: text for path, text in SMALL.items() if "/agents/" not in path}
    files["headpin.yaml"] += f"limits:\n  sourceSeconds: {seconds}\n"
    for agent, address in sources.items():
        text = AGENT.format(name=agent).replace(f"../sources/{agent}", f'"{address}"')
        files[f"projects/shop/agents/{agent}/agent.yaml"] = text.replace('"\n', f'"\n  branch: {branch}\n', 1)
    world.commit("Start", files)
    return world


def test_five_agents_of_one_repository_ask_it_exactly_once(root: Path, tmp_path: Path) -> None:
    with http_server(root) as server:
        world = world_of(tmp_path / "w", {f"agent-{number}": f"{server.url}/a.git" for number in range(5)})
        path = "projects/shop/agents/agent-4/agent.yaml"
        text = (world.config / path).read_text().replace("branch: main", "branch: feature/x")
        world.commit("Another branch", {path: text})
        report = world.reconcile()
        assert not report.failed and not report.sources
        assert server.questions == 2, "asked once, and fetched once"
        assert all(world.record("dev", AgentName("shop", f"agent-{number}")).served for number in range(5))
        world.reconcile()
        assert server.questions == 3, "nothing moved, so nothing is fetched"


def test_dead_sources_neither_hold_nor_delay_the_agents_of_others(root: Path, tmp_path: Path) -> None:
    with http_server(root) as good, http_server(root, "silent") as silent, deaf_port() as deaf:
        sources = {
            "cart": f"{good.url}/a.git",
            "silent": f"{silent.url}/a.git",
            "deaf": f"http://127.0.0.1:{deaf}/a.git",
            "gone": f"{root}/nowhere.git",
            "refused": "http://127.0.0.1:1/a.git",
            "bad": "ext::sh -c true",
        }
        world = world_of(tmp_path / "w", sources, seconds=1)
        started = time.monotonic()
        report = world.reconcile()
        assert time.monotonic() - started < 8
    assert not report.failed
    assert {name.agent for name in report.sources} == set(sources) - {"cart"}
    served = world.record("dev").served
    assert served is not None and served.release.revision == head_of(root)


def test_a_source_that_dies_leaves_its_agent_as_it_is_and_shared_settings_still_apply(tmp_path: Path) -> None:
    world = World.small(tmp_path)
    world.settle()
    served = world.record("dev").served
    assert served is not None
    world.push("cart")
    (world.sources / "cart").rename(world.sources / "moved")
    world.commit("A shared setting", {"defaults.yaml": "variables:\n  NEW: setting\n"})
    report = world.settle()
    assert CART in report.sources and not report.failed
    now = world.record("dev")
    assert now.served is not None and now.hold is None and now.served.release.revision == served.release.revision
    assert "setting" in world.files("dev")["manifests/shop/cart/deployment.yaml"]


@pytest.fixture(params=["the right password", "the wrong password"])
def guarded(root: Path, request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    """A server that wants a password, and may get it."""
    right = request.param == "the right password"
    with http_server(root, login=f"user:{CANARY if right else 'another'}") as server:
        yield server


def test_a_token_planted_in_an_address_is_found_nowhere_after_a_pass(
    tmp_path: Path, guarded: HttpServer, capfd: pytest.CaptureFixture[str]
) -> None:
    address = guarded.url.replace("://", f"://user:{CANARY}@") + "/a.git"
    world = world_of(tmp_path / "w", {"cart": address})
    report = world.reconcile(full=True)
    assert (world.record("dev").served is not None) is (CANARY in guarded.login)
    assert CANARY not in f"{report!r} {report.sources}"
    for environment_name in ("dev", "staging", "prod"):
        for folder in ("manifests", "deployments", "environment.yaml"):
            assert CANARY not in "".join(world.files(environment_name, folder).values())
        assert CANARY not in world.git("log", "--format=fuller", f"env/{environment_name}")
    assert CANARY not in "".join(capfd.readouterr())
    assert guarded.seen and not any(CANARY in seen for seen in guarded.seen)
