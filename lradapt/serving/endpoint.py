"""What the paths of one endpoint share: the model, the limits, and what works beside answers."""

from dataclasses import dataclass

from fastapi import HTTPException

from lradapt.serving.additions import Additions
from lradapt.serving.follower import Follower
from lradapt.serving.live_model import Loaded
from lradapt.serving.record import Record
from lradapt.serving.settings import Settings
from lradapt.serving.turns import Turns
from lradapt.serving.uploads import InFlight


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    Attributes:
        follower: of the model in production.
        settings: the limits.
        turns: of all requests.
        in_flight: the bodies of all requests.
        additions: what it has beside its answers.
        record: of the answers; None: they are not recorded.
    """

    follower: Follower
    settings: Settings
    turns: Turns
    in_flight: InFlight
    additions: Additions
    record: Record | None

    def loaded(self) -> Loaded:
        """Return the model that answers now.

        Raises:
            HTTPException: 503 if there is none yet.
        """
        loaded = self.follower.live.loaded
        if loaded is None:
            raise HTTPException(503, self.follower.fault or "no model is in production yet")
        return loaded
