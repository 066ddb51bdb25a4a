"""Which plain scalars mean the same to every YAML parser.

YAML 1.1, YAML 1.2, ``kubectl`` and Python's libraries disagree about ``no``, ``0123``, ``1e3``,
``12:30:45`` and many more, and a seventh of all abbreviated revisions look like one of them. Only an integer
of up to 18 digits, ``true``, ``false`` and ``null`` are typed here; every other scalar that some parser
would not take as a string is ambiguous and has to be quoted.
"""

from __future__ import annotations

import re

_INTEGER = re.compile(r"-?[1-9][0-9]{0,17}|0")
_FIRST = frozenset("0123456789+-.yYnNtTfFoO~=<")
_AMBIGUOUS = re.compile(
    r"""
      ~ | = | <<
    | y | Y | yes | Yes | YES | n | N | no | No | NO | on | On | ON | off | Off | OFF
    | True | TRUE | False | FALSE | Null | NULL
    | [-+]? [0-9][0-9_]*                                      # leading zeros, signs, too many digits
    | [-+]? 0 [xXoObB] [0-9a-fA-F_]+
    | [-+]? (?: [0-9][0-9_]* (?: \. [0-9_]* )? | \. [0-9][0-9_]* ) (?: [eE] [-+]? [0-9]+ )?
    | [-+]? \. (?: inf | Inf | INF ) | \. (?: nan | NaN | NAN )
    | [-+]? [0-9][0-9_]* (?: : [0-5]?[0-9] )+ (?: \. [0-9_]* )?  # base 60
    | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2} (?: [Tt\ \t] .* )?      # dates
    """,
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}


class Ambiguous(Exception):
    """A plain scalar that parsers do not agree about."""


def plain(text: str) -> str | int | bool | None:
    """The value of an unquoted scalar. Raises Ambiguous when it has to be quoted."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _AMBIGUOUS.fullmatch(text):
        raise Ambiguous(text)
    return text
