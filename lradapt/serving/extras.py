"""What an endpoint has beside its answers; by default nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from lradapt.serving.access_log import AccessLog
from lradapt.serving.nearest import Nearest
from lradapt.serving.tokens import AcceptedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Further parts of an endpoint.

    Attributes:
        accepted: tokens of which each request needs one; none: it needs none.
        access_log: gets a line for each request.
        nearest: the training images of the version that is served, for the page.
    """

    accepted: Sequence[AcceptedToken] = ()
    access_log: AccessLog | None = None
    nearest: Nearest | None = None


NOTHING = Extras()
