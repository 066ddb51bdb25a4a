"""HP4xx: what audit finds in history; an error is a violation, a warning a notice."""

from __future__ import annotations

from headpin.problem_kinds.kind import ProblemKind, Severity

_W = Severity.WARNING

FINDINGS: tuple[ProblemKind, ...] = (
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
        "take it back with 'git revert'; keep 'pins/** -merge' in .gitattributes, so that git asks instead of guessing",
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
        "The settings, the content or the manifests on an environment's branch are not what the record calls served.",
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
        "A release was taken over as one that ran already, and no override allows it, or something ran here before.",
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
