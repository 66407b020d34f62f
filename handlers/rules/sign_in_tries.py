"""How often an operator's login may be tried, and whose tries count where.

Guesses have to be few, and must not keep out whoever is guessed at. So an address that this operator signed in from
before has tries of its own, and strangers have few together: per login, per address over all logins, and in all.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

AT_LOGIN_FROM_ADDRESS, WINDOW = 5, timedelta(minutes=15)  # in any 15 minutes, also from where the operator is known
FROM_ADDRESS, AT_LOGIN, IN_ALL = 30, 10, 300  # strangers' tries in an hour of the clock
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` tries an hour under this subject. `is_login`: the one that is the login's own."""

    subject: str
    most: int
    is_login: bool = False


def login_subject(login_hash: str) -> str:
    """What strangers' tries at a login are counted under."""
    return f"sign_in_login:{login_hash}"


def caps_of_strangers(*, login_hash: str, address_hash: str) -> tuple[Cap, ...]:
    """From narrow to wide, which is also the order of locks: what all share is locked last."""
    return (
        Cap(f"sign_in_address:{address_hash}", FROM_ADDRESS),
        Cap(login_subject(login_hash), AT_LOGIN, is_login=True),
        Cap("sign_in_strangers", IN_ALL),
    )


def hour_of(at: datetime) -> str:
    """The hour that a try is counted in, as its row names it."""
    return f"{at:%Y-%m-%dT%H}"


def hour_ends(at: datetime) -> datetime:
    """When the counts of this hour are of no use any more."""
    return at.replace(minute=0, second=0, microsecond=0) + HOUR


def seconds_until(opens_at: datetime, now: datetime) -> int:
    """Whole seconds to wait, one at least."""
    return max(math.ceil((opens_at - now).total_seconds()), 1)
