"""What an endpoint has beside its answers; by default nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.serving.access_log import AccessLog
from lradapt.serving.nearest import Nearest
from lradapt.serving.shadow import Shadow
from lradapt.serving.tokens import AcceptedToken
from lradapt.serving.uploads import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """Further parts of an endpoint.

    Attributes:
        accepted: tokens of which each request needs one; none: it needs none.
        access_log: gets a line for each request.
        nearest: the training images of the version that is served, for the page.
        shadow: a challenger that is compared with the answers.
    """

    accepted: Sequence[AcceptedToken] = ()
    access_log: AccessLog | None = None
    nearest: Nearest | None = None
    shadow: Shadow | None = None

    def offer(self, uploads: Sequence[Upload], answer: Mapping[str, Any]) -> None:
        """Give images and the answer to them to what works beside the answers."""
        if self.shadow and "predictions" in answer:
            self.shadow.offer(uploads, answer)


NOTHING = Additions()
