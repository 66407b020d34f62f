"""我的权益 of members who hold, used and lost much."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from handlers.rules.offer_terms import Limit, OfferTerms, Period
from models.words import ClaimState
from tests.bench.beside import fill, first_members, settle
from tests.bench.figures import Subject
from tests.bench.load import BadAnswers, Line, write_feed, wrk
from tests.bench.pool import Published, Voucher, claim_row, publish
from tests.bench.processes import get
from tests.bench.town import MEMBERS, Town

CLAIMS = 200  # of each member
OFFERS = 20
WALLET = "/api/v1/me/wallet"
# What each ten of a member's claims are: the state, uses left of two, days until they end (None: never).
_MIX: tuple[tuple[ClaimState, int, int | None], ...] = (
    (ClaimState.ISSUED, 2, None),
    (ClaimState.ISSUED, 2, 90),
    (ClaimState.ISSUED, 2, 20),
    (ClaimState.ISSUED, 2, 2),  # soon
    (ClaimState.PARTLY_USED, 1, 45),
    (ClaimState.EXPIRED, 2, -1),
    (ClaimState.USED, 0, 60),
    (ClaimState.USED, 0, -30),
    (ClaimState.EXPIRED, 2, -40),
    (ClaimState.REVOKED, 2, 30),
)
_SHARES = {"held": 5, "expiring": 1, "used": 2, "expired": 3}  # of ten; what expires soon is held too
EXPECTED = {section: CLAIMS // len(_MIX) * share for section, share in _SHARES.items()}


@contextlib.contextmanager
def wallet(town: Town) -> Iterator[Subject]:
    """GET /me/wallet of all members in turn, with 200 claims each of 20 offers, in every state."""
    now = datetime.now(UTC)
    terms = OfferTerms(limits=(Limit(Period.DAY, 10),))
    offered = publish(town.stores, [Voucher(terms, name=f"第{number}券", uses=2) for number in range(OFFERS)])
    people = first_members(town.stores, MEMBERS)
    fill(town.stores, "claim", (claim for one in people for claim in _claims(offered, one, now)), at=now)
    settle(town.stores)
    answer = _checked(town)
    feed = write_feed(town.home / "wallets.tsv", [Line(WALLET, token=known.token) for known in town.members])
    load = lambda seconds: wrk(town.server.url, "GET", feed, seconds=seconds)  # noqa: E731
    yield Subject("GET", 0, len(answer), town.server, load)


def _claims(offered: list[Published], member_id: UUID, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(CLAIMS):
        state, left, days = _MIX[number % len(_MIX)]
        ends = None if days is None else now + timedelta(days=days, minutes=number)
        at = now - timedelta(days=50, minutes=number)
        of = offered[number // len(_MIX) % OFFERS]
        yield claim_row(of, member_id, at=at, state=state, uses_left=left, expires_at=ends)


def _checked(town: Town) -> bytes:
    """One member's wallet. Raises BadAnswers unless it shows what was put into it."""
    status, answer = get(town.server.url, WALLET, town.members[-1].token)
    shown = orjson.loads(answer)
    counts = {name: shown[name]["count"] for name in EXPECTED} if status == 200 else {}
    if counts != EXPECTED or not shown["claimable"]["items"]:
        raise BadAnswers(f"the wallet: {status}, {counts} instead of {EXPECTED}")
    return answer
