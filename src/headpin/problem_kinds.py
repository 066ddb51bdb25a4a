"""The list of stable codes, and `docs/problems.md`, which is generated from it; a test keeps the two in step.

A code keeps its meaning for ever; one that is no longer used is never given to another problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error holds what it concerns; a warning holds nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What a code stands for: `title` in a few words, the usual `cause`, and what mends it."""

    code: str
    title: str
    cause: str
    remedy: str
    severity: Severity = Severity.ERROR


_W = Severity.WARNING

KINDS: dict[str, ProblemKind] = {
    kind.code: kind
    for kind in (
        # ── HP1xx: files and YAML ──────────────────────────────────────────────────────────────────
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
            "An unquoted value such as no, 0123, 1e3, 12:30:45 or a date means different things to "
            "different YAML parsers.",
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
        # ── HP2xx: what a document may say ─────────────────────────────────────────────────────────
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
        # ── HP3xx: rules across documents ──────────────────────────────────────────────────────────
        ProblemKind(
            "HP301",
            "unknown environment",
            "A pipeline, pin or own layer names an environment that has no document.",
            "mend the name, or add environments/<name>.yaml",
        ),
        ProblemKind(
            "HP302",
            "unknown pipeline",
            "A project names a pipeline that has no document.",
            "mend the name, or add pipelines/<name>.yaml",
        ),
        ProblemKind(
            "HP303",
            "unknown agent",
            "A pin names a project or an agent that has no document.",
            "delete the pin, or bring the agent back",
        ),
        ProblemKind(
            "HP304",
            "pin in the head environment",
            "The head environment follows branches and has no pins.",
            "delete the pin; push to the agent's branch to change what runs there",
        ),
        ProblemKind(
            "HP305",
            "no head environment",
            "Exactly one environment says 'tracks: head', and here none does.",
            "add 'tracks: head' to the environment that follows branches",
        ),
        ProblemKind(
            "HP306",
            "two head environments",
            "Exactly one environment says 'tracks: head', and here several do.",
            "keep 'tracks: head' in one environment only",
        ),
        ProblemKind(
            "HP307",
            "head environment not first",
            "The head environment can only be a pipeline's first stage.",
            "move it to the front, or take it out of the pipeline",
        ),
        ProblemKind(
            "HP308",
            "pipelines form a cycle",
            "Taken together, the pipelines promote from an environment back into itself.",
            "give all pipelines the same direction",
        ),
        ProblemKind(
            "HP309",
            "two environments in one place",
            "Two environments share both cluster and namespace, so their objects would overwrite each other.",
            "give each its own namespace",
        ),
        ProblemKind(
            "HP310",
            "too many environments",
            "The workspace has more environments than its plan in headpin.yaml allows.",
            "raise plan.environments in headpin.yaml, or delete an environment",
        ),
        ProblemKind(
            "HP311", "stage named twice", "A pipeline names an environment twice.", "keep one of the two stages"
        ),
        ProblemKind(
            "HP312",
            "two agents with one object name",
            "Two agents of different projects render Kubernetes objects of the same name.",
            "rename the newer agent",
        ),
        ProblemKind(
            "HP313",
            "source path inside headpin's folders",
            "With 'repository: .' an agent's path must be outside the folders that headpin reads.",
            "move the agent's source to a folder of its own",
        ),
        ProblemKind(
            "HP314",
            "head environment changed",
            "The environment that tracks head does so for the workspace's lifetime.",
            "put 'tracks: head' back where it was",
        ),
        ProblemKind(
            "HP315",
            "settings do not fit together",
            "Each layer is valid, but the layers together give settings that cannot be rendered.",
            "mend the layer named",
        ),
        ProblemKind(
            "HP320",
            "production before non-production",
            "A pipeline promotes from a production environment into one that is not.",
            "check the order of the stages",
            _W,
        ),
        ProblemKind(
            "HP321",
            "unreachable",
            "A pin or own layer is for an environment that the project's pipeline does not reach.",
            "delete it, or add the environment to the pipeline",
            _W,
        ),
        ProblemKind(
            "HP322",
            "settings would not fit the next release",
            "An environment's own layer fits what is served there, but not the shared settings at head.",
            "mend it before the next promotion",
            _W,
        ),
        ProblemKind(
            "HP323",
            "override without effect",
            "An override file allows something that is not waiting to be allowed.",
            "delete the file",
            _W,
        ),
        ProblemKind(
            "HP324",
            "credential in an address",
            "A source's address holds a password. It works, and headpin shows it nowhere, but everybody who can read "
            "this repository or an environment's branch can read it.",
            "use ssh, or git's credential helper on the machine that runs headpin",
            _W,
        ),
        ProblemKind(
            "HP330",
            "no such chart",
            "An agent brings a chart of its own from a folder that is not there.",
            "mend the path under chart:, or add the folder",
        ),
        ProblemKind(
            "HP331",
            "file that cannot be in a chart",
            "A chart is copied as it is to an environment's branch, so it has plain text files with plain names only.",
            "take it out of the chart, or make it a plain file (mode 100644, UTF-8)",
        ),
        ProblemKind(
            "HP332",
            "chart too large",
            "A chart of more than 200 files or 1 MiB. Every release that uses it has it.",
            "take out what the templates do not need",
        ),
        ProblemKind(
            "HP333",
            "not a chart",
            "The folder has no Chart.yaml that Helm 3 reads, or one that means different things to different parsers.",
            "add a Chart.yaml with apiVersion: v2, a name and a version, all quoted",
        ),
        ProblemKind(
            "HP334",
            "chart with dependencies to download",
            "A dependency of the chart is not in its folder charts/. What would be downloaded later is not what was "
            "reviewed, and headpin downloads nothing.",
            "run 'helm dependency update', unpack the archives in charts/, and commit the folders",
        ),
        ProblemKind(
            "HP335",
            "values that cannot be filled in",
            "headpin writes the release's image and the settings into the chart's values.yaml, and there it cannot.",
            "say under chart.values: where they go, for example image.tag: image.tag",
        ),
        ProblemKind(
            "HP336",
            "chart without effect",
            "An agent brings a chart of its own, and no environment of its pipeline has the engine helm.",
            "write engine: helm into agent.yaml or into the environment",
            _W,
        ),
        ProblemKind(
            "HP337",
            "setting without a place in the chart",
            "A setting of an agent that brings its own chart goes to no value of the chart, and so has no effect.",
            "say under chart.values: where it goes, or delete the setting",
            _W,
        ),
        ProblemKind(
            "HP340",
            "content is not a plain file",
            "A symbolic link or a submodule of the source stands where content is read; headpin follows neither.",
            "put plain files there, or name others under content:",
        ),
        ProblemKind(
            "HP341",
            "content with an unusable name",
            "A file of the source that content names has a name that not every file system, shell or Kubernetes takes.",
            "rename it: plain letters, digits and ._+@#,=~- between slashes",
        ),
        ProblemKind(
            "HP342",
            "too much content",
            "The content of an agent has more than 2,000 files or 16 MiB, or headpin would have to look through more "
            "than 200,000 files for it.",
            "name fewer files under content:, or let the program fetch the large ones itself",
        ),
        ProblemKind(
            "HP343",
            "no content",
            "No file of the source's revision is what the agent names under content:.",
            "mend the patterns, which are relative to the source's path, or add the files",
        ),
        ProblemKind(
            "HP344",
            "two files of content in one place",
            "Two files of content have names that are one on file systems that do not tell capitals apart.",
            "rename one of the two",
        ),
        ProblemKind(
            "HP345",
            "no address to fetch content from",
            "An agent says 'content.mount: init', so its pods fetch their content from this repository, and "
            "headpin.yaml does not say at which address a cluster reads it.",
            "set delivery.repository in headpin.yaml, or say 'content.mount: configmap'",
        ),
        ProblemKind(
            "HP346",
            "content too large for ConfigMaps",
            "A file of the content, or all of them together, exceed what Kubernetes takes in ConfigMaps.",
            "say 'content.mount: init', or name fewer files under content",
        ),
        ProblemKind(
            "HP347",
            "content without a place",
            "A release has a content snapshot, and the agent.yaml of its settings snapshot does not say where "
            "content is mounted.",
            "pin a release that ran as a whole: 'headpin pin' prints one",
        ),
        ProblemKind(
            "HP348",
            "content that cannot be mounted",
            "A content snapshot holds a symbolic link or a submodule, or a name that Kubernetes does not mount "
            "from a ConfigMap.",
            "rename or replace the file named, or leave it out of content",
        ),
        ProblemKind(
            "HP350",
            "gates in the head environment",
            "A stage, an approval or an override says what has to be true before something is promoted into the head "
            "environment, which follows branches.",
            "move it to the stage that is promoted into, or delete it",
            _W,
        ),
        ProblemKind(
            "HP351",
            "gate that never opens",
            "A pipeline's first stage asks for health, soak or checks in an earlier stage, and there is none.",
            "move the gate to a later stage, or put a stage before it",
            _W,
        ),
        ProblemKind(
            "HP360",
            "two agents with one past",
            "An agent says under formerly that it had another's name, and that agent is still there, or a third one "
            "says the same. Records, numbers and Kubernetes objects can go on under one name only.",
            "delete what is left of the old name (folder and pins), or the key formerly",
        ),
        ProblemKind(
            "HP361",
            "a past of its own",
            "An agent says under formerly that it had another's name, and both ran in this environment.",
            "take a new name, or delete the key formerly and promote under this one",
        ),
        ProblemKind(
            "HP362",
            "formerly itself",
            "An agent names itself under formerly, or the same name twice.",
            "delete the name there",
        ),
        # ── HP4xx: what audit finds (an error is a violation, a warning a notice) ────────────────────
        ProblemKind(
            "HP401",
            "hand-made pin",
            "A commit of main pins a release that had not run anywhere it could come from: a field was edited by "
            "hand, or copied from elsewhere.",
            "look at who wrote the pin and why; promote what ran with 'headpin promote', and take the pin back "
            "with 'git revert'",
        ),
        ProblemKind(
            "HP402",
            "pin put together from two releases",
            "A merge, a squash or a hand put fields of two releases into one pin. Nobody ever ran that release.",
            "take it back with 'git revert'; keep 'pins/** -merge' in .gitattributes, so that git asks instead of "
            "guessing",
        ),
        ProblemKind(
            "HP403",
            "stage skipped, and held",
            "A pin names a release that ran, but not in the stage that it has to come from. headpin held it, and "
            "it was never served.",
            "promote it through the stage before, or take the pin back",
            _W,
        ),
        ProblemKind(
            "HP404",
            "stage skipped, and served",
            "An environment began to serve a release that its source had not run.",
            "look at the commit on the environment's branch: whoever made it did not ask the rules; roll back "
            "with 'headpin rollback'",
        ),
        ProblemKind(
            "HP405",
            "pin for the head environment",
            "A commit of main pins a release in the environment that follows branches.",
            "delete the pin",
        ),
        ProblemKind(
            "HP406",
            "override added",
            "A reviewed file makes an exception.",
            "see that the reason still holds, and delete the file once it was used",
            _W,
        ),
        ProblemKind(
            "HP407",
            "override used",
            "A promotion went through a gate that an override opened.",
            "see that the reason given covers what was promoted",
            _W,
        ),
        ProblemKind(
            "HP408",
            "override edited after use",
            "An override says something else now than when a promotion used it.",
            "look at what it said when it was used: 'git log -p' of the file",
        ),
        ProblemKind(
            "HP409",
            "main's history rewritten",
            "An environment was made from a commit of main that is not in its history any more.",
            "find out who forced main back, and bring the commit back; forbid forced pushes to main",
        ),
        ProblemKind(
            "HP410",
            "main merged backwards",
            "An environment was made from a commit of main that left its first-parent chain: main was merged into "
            "a branch, and that became main.",
            "merge branches into main, not main into branches",
            _W,
        ),
        ProblemKind(
            "HP411",
            "rewritten history accepted",
            "An override accepts that main lost a commit that an environment was made from.",
            "see that the reason given still holds",
            _W,
        ),
        ProblemKind(
            "HP412",
            "environment deleted while a pipeline names it",
            "A commit of main deletes the document of an environment that a pipeline still names.",
            "bring the document back, or take the stage out first",
        ),
        ProblemKind(
            "HP413",
            "pipeline deleted while a project uses it",
            "A commit of main deletes the document of a pipeline that a project is still assigned.",
            "bring the document back, or assign another pipeline first",
        ),
        ProblemKind(
            "HP414",
            "head environment changed",
            "The environment that follows branches does so for the workspace's lifetime, and a commit of main "
            "says otherwise.",
            "put 'tracks: head' back where it was",
        ),
        ProblemKind(
            "HP415",
            "forged trailers",
            "A commit of main has headpin's trailers, and its files say something else. Nothing believes "
            "trailers; people may.",
            "look at what the commit changes, not at what it says",
            _W,
        ),
        ProblemKind(
            "HP416",
            "automatic promotion into a manual stage",
            "A commit of main that headpin is said to have made moves a pin of a stage into which only people promote.",
            "somebody used headpin's name; look at who pushed it",
        ),
        ProblemKind(
            "HP420",
            "foreign commit",
            "Somebody else committed to an environment's branch, which only headpin writes.",
            "protect env/* from everybody but headpin; its next commit there undoes it",
        ),
        ProblemKind(
            "HP421",
            "amended commit",
            "A commit on an environment's branch has headpin's trailers, but they name other files.",
            "somebody amended a commit of headpin's; compare it with the tree that the trailer names",
        ),
        ProblemKind(
            "HP422",
            "served without a pin",
            "What an environment serves changed, and no pin of main asked for it.",
            "look at the commit on the environment's branch: headpin serves what is pinned and nothing else",
        ),
        ProblemKind(
            "HP423",
            "source not deployed",
            "A release was promoted from a stage where it ran, but which was stopped, failed or gone at that time.",
            "look at why the source was down, and whether the release is fit",
        ),
        ProblemKind(
            "HP424",
            "version names two releases",
            "One version number of a deployment stands for two releases.",
            "find out which of the two ran; the list of what ran was edited",
        ),
        ProblemKind(
            "HP425",
            "version out of order",
            "A version is not the next one, the highest version went back, or a version changed without a release.",
            "compare the record with the list of what ran",
        ),
        ProblemKind(
            "HP426",
            "second number for a release",
            "A release that ran before got a new version.",
            "compare the record with the list of what ran",
        ),
        ProblemKind(
            "HP427",
            "gap in history",
            "A pin moved on main, and no event of the environment tells of it.",
            "compare 'git log --first-parent' of the pin with 'headpin history'",
        ),
        ProblemKind(
            "HP428",
            "config revision goes back",
            "A commit on an environment's branch was made from an older commit of main than the one before it.",
            "look for a controller that runs on an old clone",
        ),
        ProblemKind(
            "HP429",
            "event edited or removed",
            "Events are only ever added, and one that was there is gone or says something else.",
            "compare the events in the commit and in the one before it",
        ),
        ProblemKind(
            "HP430",
            "list of what ran edited",
            "Lines about what ran are only ever added, and one that was there is gone or says something else.",
            "compare the list in the commit and in the one before it",
        ),
        ProblemKind(
            "HP431",
            "record changed without an event",
            "A record says something else than before, and no event tells why.",
            "compare the record in the commit and in the one before it",
        ),
        ProblemKind(
            "HP432",
            "record and list of what ran disagree",
            "What a record calls served is not in the list of what ran, or has another version there.",
            "compare the record with the list of what ran",
        ),
        ProblemKind(
            "HP433",
            "manifests changed, record unchanged",
            "What the cluster gets changed, and the record says that nothing did.",
            "compare the manifests in the commit and in the one before it; 'headpin render' tells what they should be",
        ),
        ProblemKind(
            "HP434",
            "files are not the release's",
            "The settings, the content or the manifests on an environment's branch are not what the record calls "
            "served.",
            "compare the folder with the release in the record; 'headpin reconcile --full' looks at all of them",
        ),
        ProblemKind(
            "HP435",
            "closed gate",
            "A promotion was served although, by the documents of that revision, a gate was closed.",
            "look at the commit on the environment's branch: whoever made it did not ask the gates",
        ),
        ProblemKind(
            "HP436",
            "settings changed while closed",
            "Own settings of a deployment changed while a freeze or a suspension was in force.",
            "look at the commit on the environment's branch: whoever made it did not ask the gates",
        ),
        ProblemKind(
            "HP437",
            "time goes back",
            "A commit on an environment's branch is dated before the one that it follows.",
            "headpin never dates a commit so; look at who made it",
        ),
        ProblemKind(
            "HP438",
            "listed branch missing",
            "The head environment's branch lists an environment whose branch is not here.",
            "fetch it; if it is nowhere, somebody deleted it",
        ),
        ProblemKind(
            "HP439",
            "wrong numbering",
            "The trailers that number headpin's commits on a branch do not fit the commits below.",
            "nothing believes them, but questions about the past take longer; look at who made the commit",
            _W,
        ),
        ProblemKind(
            "HP440",
            "adopted",
            "A release that ran outside of headpin was taken over, as an override allows.",
            "see that the reason given was right",
            _W,
        ),
        ProblemKind(
            "HP441",
            "adoption without an override",
            "A release was taken over as one that ran already, and no override allows it, or something ran here "
            "before.",
            "look at the commit on the environment's branch",
        ),
        ProblemKind(
            "HP442",
            "removed while wanted",
            "A deployment or its record is gone, although main still wants it or numbers were given.",
            "put the environment's branch back to the commit before",
        ),
        ProblemKind(
            "HP443",
            "too many removed",
            "One commit removed more deployments than limits.prune allows, and no override names them.",
            "look at what was removed, and bring pins back with 'git revert'",
        ),
        ProblemKind(
            "HP444",
            "event that contradicts its files",
            "An event tells another version, release, source or kind than the record and the list of what ran.",
            "compare the event with the record in the same commit",
        ),
        ProblemKind(
            "HP445",
            "file of no meaning",
            "A commit with headpin's trailers has files where headpin writes none, or lists that are not its own.",
            "delete the file on the branch; look at who made the commit",
        ),
        ProblemKind(
            "HP446",
            "head environment serves other settings",
            "The head environment began to serve shared settings that main does not say.",
            "look at the commit on the environment's branch",
        ),
        ProblemKind(
            "HP447",
            "file that headpin did not write",
            "A record, a list of what ran or events cannot be read.",
            "put the environment's branch back to the commit before",
        ),
    )
}


_PAGE_HEAD = """# Problems

Every problem that headpin reports has a stable code. It is told as `path:line:column: CODE message; remedy`, all
problems of all files together. An **error** holds what the document concerns (see
[architecture.md](architecture.md), "What holds what"); a **warning** holds nothing. Codes that begin with HP4 are what
`headpin audit` finds in history: there an **error** is a violation, and a **warning** a notice.

Generated by `headpin schema --problems`; a test keeps it so.

| code | problem | severity | cause | remedy |
|---|---|---|---|---|
"""


def problems_page() -> str:
    """`docs/problems.md` as Markdown text."""
    rows = (
        f"| {kind.code} | {kind.title} | {kind.severity.value} | {kind.cause} | {kind.remedy} |"
        for kind in KINDS.values()
    )
    return _PAGE_HEAD + "\n".join(rows) + "\n"
