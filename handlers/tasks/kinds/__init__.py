"""The kinds of task. A new kind is one module and one line here, and its periods in `handlers/rules/tasks.py`."""

from collections.abc import Mapping

from handlers.rules.tasks import CARD, INVITE, PROFILE, REDEMPTION
from handlers.tasks.kinds.base import TaskKind
from handlers.tasks.kinds.card import BoundCard
from handlers.tasks.kinds.invite import Invited
from handlers.tasks.kinds.profile import CompleteProfile
from handlers.tasks.kinds.redemption import Redeemed

KINDS: Mapping[str, TaskKind] = {
    PROFILE: CompleteProfile(),
    CARD: BoundCard(),
    REDEMPTION: Redeemed(),
    INVITE: Invited(),
}
