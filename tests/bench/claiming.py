"""A hot offer: one stock row, members who press at once, everything on; each claim by another member."""

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID, uuid4

import uvloop

from handlers.rules.offer_terms import OfferTerms
from tests.bench.beside import analyse, read
from tests.bench.figures import Subject, Supply
from tests.bench.joining import joins
from tests.bench.load import BadAnswers, Line, Load
from tests.bench.pool import Voucher, publish
from tests.bench.seeding import members, seeding
from tests.bench.stores import Stores
from tests.bench.town import Town

PRESSING = 64  # at once
STOCK = 1_000_000_000
_TOLD = """
    SELECT s.added_count - s.left_count AS spent, s.taken_count AS taken,
        (SELECT count(*) FROM claim c WHERE c.offer_id = s.offer_id) AS claims,
        (SELECT count(*) FROM claim_slot t WHERE t.offer_id = s.offer_id) AS slots
    FROM offer_stock s WHERE s.offer_id = $1
"""


@contextlib.contextmanager
def claim(town: Town) -> Iterator[Subject]:
    """POST /offers/{id}/claims, with 64 of them at once; another offer in each round."""
    supply, feed, sent = Supply(), town.home / "claims.tsv", dict[UUID, int]()
    supply.seen(Load(900, 1.0, 0.0, 0.0))

    def load(seconds: int) -> Load:
        offer_id = hot_offer(town.stores)
        sent[offer_id] = 0  # of a round that ran out nobody knows how many it were
        lines = (press(offer_id, token) for token in crowd(town, supply.count(seconds)))
        found = supply.send(town.server.url, feed, lines, seconds=seconds, connections=PRESSING)
        sent[offer_id] = found.requests
        return found

    yield Subject("POST", len(press(UUID(int=0), "").body), 420, town.server, load)
    for offer_id, answered in sent.items():
        taken(town.stores, offer_id, at_least=answered)


def hot_offer(stores: Stores, *, stock: int = STOCK) -> UUID:
    """A voucher of which there are so many, one for each member."""
    (made,) = publish(stores, [Voucher(OfferTerms(stock=stock))])
    return made.id


def press(offer_id: UUID, token: str) -> Line:
    """One member's claim under a fresh key."""
    return Line(f"/api/v1/offers/{offer_id}/claims", token, '{"choices":[]}', str(uuid4()))


def taken(stores: Stores, offer_id: UUID, *, at_least: int) -> int:
    """How many were taken of a stock. Raises BadAnswers unless units, claims and slots are as many, and not fewer."""
    (told,) = read(stores, _TOLD, offer_id)
    if len(set(told)) != 1 or told[0] < at_least:
        raise BadAnswers(f"{at_least} claims were answered; spent, taken, claims, slots: {told}")
    return int(told[0])


def crowd(town: Town, count: int) -> list[str]:
    """Sessions of so many members, the same ones at every call, who press only once for each offer.

    Where sessions live in the server they join there, which its CPU time of the round then includes.
    """
    lacking = count - len(town.crowd)
    if lacking > 0 and town.stores.pair == "postgres":
        town.crowd.extend(one.token for one in seeding(town.stores, lambda ground: members(ground, lacking)))
        analyse(town.stores)
    elif lacking > 0:
        codes = [code for code, _ in town.fresh_people(lacking)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            joined, _ = runner.run(joins(town.server.port, codes))
        town.crowd.extend(one.token for one in joined)
    return town.crowd[:count]
