"""`pins/<environment>/<project>/<agent>.yaml`: which release runs. A pin holds the release and nothing else,
so that copying the file is a promotion and `diff -r pins/staging pins/prod` is a question."""

from __future__ import annotations

from pydantic import Field

from headpin.model.document import ImageReference, ObjectId, Part


class Pin(Part):
    """The release that an agent runs in an environment; `headpin pin` prints one."""

    revision: ObjectId = Field(description="The commit of the agent's source. 40 hexadecimal digits, quoted.")
    image: ImageReference = Field(description="The image that was deployed, by digest where it was resolved.")
    content: ObjectId | None = Field(None, description="The tree id of the content snapshot, if the agent has content.")
    settings: ObjectId = Field(description="The tree id of the shared-settings snapshot.")
