"""Every use case the doors and the worker may call: one typed field per capability, filled in `app/container.py`."""

from dataclasses import dataclass

from handlers.accounts import Accounts
from handlers.consents import Consents
from handlers.following import Following
from handlers.identity import Identity
from handlers.membership import Membership
from handlers.menus import Menus
from handlers.notices import Notices
from handlers.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Handlers:
    """The house's use cases, built once per process."""

    accounts: Accounts
    consents: Consents
    following: Following
    identity: Identity
    membership: Membership
    menus: Menus
    notices: Notices
    sessions: Sessions
