"""HP3xx: rules across documents."""

from __future__ import annotations

from headpin.problem_kinds.kind import ProblemKind, Severity

_W = Severity.WARNING

RULES: tuple[ProblemKind, ...] = (
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
    ProblemKind("HP311", "stage named twice", "A pipeline names an environment twice.", "keep one of the two stages"),
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
)
