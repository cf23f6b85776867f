"""`obskit relay`: tells robots of chats what Alertmanager says, for those that it does not know itself.

Alertmanager posts its webhook to ``/v1/<project>/<receiver>/<kind>``. The relay answers 200 when the
notification stands in its queue on disk, and never before; one lane a robot then sends it, as fast as
the platform allows and as often as it takes. See ``docs/relay.md``.
"""

from obskit.relay.app import application
from obskit.relay.lane import Patience
from obskit.relay.queue import Queue
from obskit.relay.relay import Relay
from obskit.relay.robots import Robot, Target, create

__all__ = ["Patience", "Queue", "Relay", "Robot", "Target", "application", "create"]
