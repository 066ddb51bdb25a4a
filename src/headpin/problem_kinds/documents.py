"""HP1xx: files and YAML; HP2xx: what a single document may say."""

from __future__ import annotations

from headpin.problem_kinds.kind import ProblemKind

DOCUMENTS: tuple[ProblemKind, ...] = (
    ProblemKind(
        "HP101",
        "not a plain file",
        "A symbolic link, submodule, folder or executable file stands where a document is read.",
        "replace it by a plain file (mode 100644)",
    ),
    ProblemKind(
        "HP102",
        "file too large",
        "A document is larger than headpin reads (256 KiB).",
        "split it, or move bulky text out of the config repository",
    ),
    ProblemKind(
        "HP103",
        "not plain UTF-8 text",
        "A document has bytes that are not UTF-8, a byte-order mark, or control characters.",
        "save the file as UTF-8 without a byte-order mark",
    ),
    ProblemKind(
        "HP104",
        "not YAML",
        "The YAML parser cannot read the document.",
        "mend the syntax at the place named",
    ),
    ProblemKind(
        "HP105",
        "duplicate key",
        "The same key stands twice in one mapping; other parsers would silently take the last one.",
        "keep one of the two",
    ),
    ProblemKind(
        "HP106",
        "YAML feature refused",
        "Anchors, aliases, tags, merge keys and several documents in one file mean different things "
        "to different parsers, and can blow up a small file.",
        "write the value out where it is used, one document a file",
    ),
    ProblemKind(
        "HP107",
        "ambiguous scalar",
        "An unquoted value such as no, 0123, 1e3, 12:30:45 or a date means different things to different YAML parsers.",
        'quote it: "…"',
    ),
    ProblemKind(
        "HP108",
        "too deep or too many values",
        "A document nests deeper than 32 levels or has more than 50,000 values.",
        "make the document simpler",
    ),
    ProblemKind(
        "HP109",
        "not a mapping",
        "A document is empty or its top level is a list or a plain value.",
        "write keys and values at the top level",
    ),
    ProblemKind(
        "HP110",
        "invalid name",
        "A file or folder name is an identity in headpin, and this one is not a valid name.",
        "rename it: 2 to 40 lower-case letters, digits and hyphens, starting with a letter",
    ),
    ProblemKind(
        "HP111",
        "unexpected file",
        "A YAML file lies in one of headpin's folders where headpin reads none.",
        "move it to where the layout expects it, or out of headpin's folders",
    ),
    ProblemKind(
        "HP112",
        "too many files",
        "The config repository has more documents than limits.documents allows.",
        "raise limits.documents in headpin.yaml, or split the workspace",
    ),
    ProblemKind(
        "HP113",
        "missing document",
        "A folder has own layers, agents or defaults, but not the document that says what it is.",
        "add the missing document, or delete the rest of the folder",
    ),
    ProblemKind(
        "HP201",
        "unknown key",
        "The document has a key that its kind does not know.",
        "delete it, or mend the spelling",
    ),
    ProblemKind("HP202", "missing key", "A required key is not there.", "add the key"),
    ProblemKind(
        "HP203",
        "wrong type",
        "A value has another type than the key takes; headpin never converts silently.",
        "write a value of the type named",
    ),
    ProblemKind(
        "HP204", "invalid value", "A value is of the right type but not allowed.", "write a value as described"
    ),
    ProblemKind(
        "HP205",
        "looks like a credential",
        "A value has the form of a private key or an access token. Everybody who can read the "
        "repository can read it, and so can everybody who reads a rendered manifest.",
        "put it into a Kubernetes Secret, name that under secrets:, and revoke the one that was committed",
    ),
    ProblemKind(
        "HP206",
        "unsupported version",
        "A document or a snapshot names an apiVersion or a template set that this headpin does not have.",
        "run a headpin that has it, or name one that this headpin has",
    ),
)
