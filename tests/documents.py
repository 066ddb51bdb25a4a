"""Random documents as people write them: every style, comments anywhere, odd indentation and line endings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume, event
from hypothesis import strategies as st

from headpin.yaml import load, quote

_KEYS = (
    *("a", "bb", "image", "LOG_LEVEL", "with-dash", "/etc/app/config.toml", "key with words"),
    *("ключ", "日本語", "🙂 wide"),
)
_QUOTED_KEYS = ("no", "1", "a: b", "a # b", "{x}", "- x", "", 'say "hi"', "it's", "*star", "[", "a:", "?", "#")
_PLAIN = (
    *("x", "true", "false", "null", "0", "17", "-3", "text", "a b c", "it's", 'a "b"', "a#b", "a, b", "a-b", "-x"),
    *("http://example.com/a?b#c", "ghcr.io/acme/app@sha256:ab", "v1.2.3", "10Gi", "naïve", "日本語 テキスト", "🙂"),
)
_TEXTS = (
    *("", " ", "x", "no", "1e3", "0123", "null", "two words", "a: b", "a # b", "# x", "- x", "it's", 'say "hi"'),
    *("l1\nl2", "l1\nl2\n", "# l1\n  deeper\n\nl4\n", "\n", "trailing \nspace", "a\n\n\n", "x\r\ny", "tab\there"),
    *("back\\slash", "\u200b", "日本語", "🙂🙂", "{a: 1}", "[x", "@x", "`x`", "%x", "!x", "&x", "*x", "|", ">", "a:"),
    *(":a", "---", "...", "a,b", "http://example.com/x:1"),
)

keys = st.sampled_from(_KEYS + _QUOTED_KEYS)
texts = st.sampled_from(_TEXTS) | st.text(max_size=12).filter(
    lambda text: not any("\ud800" <= c <= "\udfff" for c in text)
)
singles = texts | st.integers(-10, 10**17) | st.booleans() | st.none()
values = st.recursive(
    singles, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=6
)


@dataclass
class Written:
    """A document: its bytes, and for each key at the top the comments in column 0 before it and its own lines."""

    data: bytes
    comments: dict[str, list[str]] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)


class _Writer:
    """Writes one document, choosing by `draw`."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._comments = 0

    def pick(self, *among: Any) -> Any:
        return self._draw(st.sampled_from(among))

    def often(self, of: int = 4) -> bool:
        return self._draw(st.integers(1, of)) == 1

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def comment(self) -> str:
        self._comments += 1
        return f"#{self.pick(' ', '', chr(9), ' - ', ' ? ', ' a: ', ' , ')}c{self._comments}."

    def behind(self) -> str:
        """What may stand behind a value on its line."""
        return self.pick("", " ", "\t ") * self.often() or (
            f"{self.pick(' ', '  ', chr(9))}{self.comment()}" if self.often(3) else ""
        )

    def between(self, column: int) -> list[str]:
        """Lines between entries."""
        found = []
        while self.often(3):
            indent = self.pick(0, 0, column, column, column + 1, column + 2, column + 6)
            found.append(self.pick("", "", " " * column, None) if self.often() else " " * indent + self.comment())
        return ["" if line is None else line for line in found]

    def key(self, used: set[str]) -> str:
        key = self._draw(keys.filter(lambda key: key not in used))
        used.add(key)
        if key in _QUOTED_KEYS or self.often():
            return "'" + key.replace("'", "''") + "'" if self.often(2) else quote(key)
        return key

    def single(self, in_flow: bool) -> str:
        match self.number(0, 3):
            case 0:
                return quote(self._draw(texts))
            case 1:
                return f"'{self.pick('x', 'a # b', '日本語 🙂', '', '- x', 'no')}'"
            case _:
                plain = self._draw(st.sampled_from(_PLAIN))
                return "x" if in_flow and any(letter in plain for letter in ":,?[]{}") else plain

    def flow(self, depth: int, margin: str) -> str:
        """A collection in brackets, maybe on several lines, each after `margin`."""
        several = bool(margin) and self.often(3)
        mapping, used, parts = self.often(2), set(), []
        for _ in range(self.number(0, 3)):
            value = self.flow(depth + 1, margin + "  ") if depth < 3 and self.often() else self.single(True)
            if mapping:
                key = self.key(used)
                value = (
                    self.pick(f"{key}: {value}", f"{key}: {value}", f"{key}: ")
                    if key[0] not in "'\""
                    else f"{key}:{self.pick('', ' ')}{value}"
                )
            parts.append(value)
        comma = self.pick("", "", ",") if parts else ""
        opening, closing = "{}" if mapping else "[]"
        if several:
            inner = [
                f"{margin}  {part}{',' if at + 1 < len(parts) else comma}{self.behind()}"
                for at, part in enumerate(parts)
            ]
            return "\n".join([opening + self.behind(), *inner, margin + self.pick("", " ") + closing])
        space = self.pick("", " ")
        return opening + space + self.pick(", ", ",", " , ").join(parts) + space + comma + closing

    def block_text(self, column: int) -> list[str]:
        """A block scalar: its header, then lines deeper than `column`."""
        depth = self.number(1, 4)
        header = self.pick("|", "|-", "|+", ">", ">-", ">+")
        lines = [
            "first",
            *(
                self.pick("", "second", "# no comment", "  deeper", "日本語", "k: v", "- x")
                for _ in range(self.number(0, 3))
            ),
        ]
        if self.often():
            lines[0] = " indented"
            header += str(depth)
        body = [" " * (max(column, 0) + depth) + line if line else "" for line in lines] if not self.often(8) else []
        return [header + self.behind(), *body, *[""] * self.number(0, 2)]

    def behind_key(self, head: str, column: int, depth: int, listed: bool) -> list[str]:
        """An entry: `head` is its key with a colon, or a dash, in `column`."""
        kind = self.number(0, 10)
        if kind == 0:
            return [head + self.behind()]
        if kind == 1:
            return [head + self.behind(), " " * (column + self.number(1, 3)) + self.single(False) + self.behind()]
        if kind in {2, 3}:
            first, *rest = self.block_text(column)
            return [f"{head} {first}", *rest]
        if kind == 4:
            written = self.flow(1, " " * (column + 1)).split("\n")
            return (
                [f"{head} {written[0]}", *written[1:-1], written[-1] + self.behind()]
                if written[1:]
                else [f"{head} {written[0]}{self.behind()}"]
            )
        if kind == 5:
            return [f"{head} plain words", " " * (column + 2) + "further words" + self.behind()]
        if kind in {6, 7, 8} and depth < 4:
            return self.below(head, column, depth, listed)
        return [f"{head} {self.single(False)}{self.behind()}"]

    def below(self, head: str, column: int, depth: int, listed: bool) -> list[str]:
        """A collection on lines of its own, or one that starts on the line of a dash."""
        if listed and self.often(2):
            deeper = column + self.number(2, 4)
            lines = self.block(deeper, depth + 1, between_first=False)
            return [head + " " * (deeper - column - 1) + lines[0].lstrip(" "), *lines[1:]]
        as_list = self.often(2)
        deeper = column + self.number(0 if as_list and not listed else 1, 4)
        return [head + self.behind(), *self.block(deeper, depth + 1, as_list=as_list)]

    def block(self, column: int, depth: int, *, between_first: bool = True, as_list: bool | None = None) -> list[str]:
        as_list = self.often(3) if as_list is None else as_list
        used: set[str] = set()
        lines: list[str] = []
        for at in range(self.number(1, 3)):
            lines += self.between(column) if at or between_first else []
            head = "-" if as_list else self.key(used) + self.pick(":", ":", " :")
            lines += self.behind_key(" " * column + head, column, depth, as_list)
        return lines


@st.composite
def documents(draw: st.DrawFn) -> Written:
    """A document that loads without issues."""
    writer = _Writer(draw)
    line_break = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    ending = draw(st.sampled_from([line_break, line_break, ""]))
    if draw(st.integers(1, 8)) == 1:
        text = writer.flow(0, " ") + writer.behind()
        return _loadable(Written((text.replace("\n", line_break) + ending).encode()))
    column = draw(st.sampled_from([0, 0, 0, 2]))
    used: set[str] = set()
    lines: list[str] = draw(st.sampled_from([[], [], ["---"], ["--- # start"], ["# header", "---"]]))[:]
    written = Written(b"")
    for _ in range(draw(st.integers(1, 4))):
        between = writer.between(column)
        head = writer.key(used)
        key = next(iter(load(f"{head}: 1".encode()).value))
        own = writer.behind_key(" " * column + head + ":", column, 1, False)
        written.comments[key] = [line for line in between if line.startswith("#")]
        while own[-1] == "":
            own.pop()
        written.entries[key] = line_break.join("\n".join(own).split("\n"))
        lines += [*between, *own]
    lines += writer.between(column)
    if draw(st.integers(1, 6)) == 1:
        lines += ["..."]
    written.data = (line_break.join("\n".join(lines).split("\n")) + ending).encode()
    if load(written.data).value != load(written.data + line_break.encode()).value:
        written.data += line_break.encode()  # a block's last line: what follows it gives it a break
    return _loadable(written)


def _loadable(written: Written) -> Written:
    issues = load(written.data).issues
    event("loads" if not issues else "does not load: " + issues[0].message[:60])
    assume(not issues)
    return written
