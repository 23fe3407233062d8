"""Fakes of the two APIs that a backend needs: Engage Digital at `/1.0`, and RingCentral at `/restapi` and `/rcvideo`.

They answer as the published OpenAPI files say. A request that these files do not allow is refused, and noted in
`World.wrong_requests`, so that a test can fail.
"""

from .serving import app, running, served, variables
from .world import World

__all__ = ["World", "app", "running", "served", "variables"]
