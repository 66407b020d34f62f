"""A hot draw: eight prizes of every kind, limits and pity, each spin for points, by 500 members in turn."""

import contextlib
import http.client
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from handlers.rules.draw_rules import DrawRules, Notice, Pity, Prize, PrizeKind, SpinPrice
from handlers.rules.draw_terms import DrawTerms, stored
from handlers.rules.ledger import POINTS
from handlers.rules.offer_terms import OfferTerms
from models.ids import new_id
from models.words import DrawState, LedgerAccountKind
from tests.bench.beside import fill, first_members, read, root
from tests.bench.figures import Subject, Supply
from tests.bench.load import BadAnswers, Line, Load
from tests.bench.pool import Voucher, publish
from tests.bench.stores import Stores
from tests.bench.town import MEMBERS, Town

SPINNING = 64  # at once
PRICE, PURSE, PLENTY = 5, 1_000_000_000, 1_000_000_000
BODY = '{"times":1}'
_NOTICE = Notice("江南书店", "400-000-0000", "会员", "30天内", "快递", "逾期放弃")
_TOLD = """
    SELECT d.last_sequence, (SELECT count(*) FROM spin s WHERE s.draw_id = d.id),
        (SELECT count(*) FROM transfer t JOIN spin s ON t.cause_id = CAST(s.act_id AS TEXT) WHERE t.cause_kind = 'spin'
            AND s.draw_id = d.id),
        (SELECT SUM(spins) FROM draw_player p WHERE p.draw_id = d.id)
    FROM draw d WHERE d.id = $1
"""


@contextlib.contextmanager
def spin(town: Town) -> Iterator[Subject]:
    """POST /draws/{id}/spins, one at a time, with 64 of them at once."""
    supply, feed, sent = Supply(), town.home / "spins.tsv", 0
    supply.seen(Load(900, 1.0, 0.0, 0.0))
    people = first_members(town.stores, MEMBERS)
    give_points(town.stores, people)
    draw_id = hot_draw(town.stores)
    tokens = [known.token for known in town.members]
    answer = once(town.server.url, press(draw_id, tokens[0]))

    def load(seconds: int) -> Load:
        nonlocal sent
        lines = (press(draw_id, token) for token in itertools.islice(itertools.cycle(tokens), supply.count(seconds)))
        found = supply.send(town.server.url, feed, lines, seconds=seconds, connections=SPINNING)
        sent += found.requests
        return found

    yield Subject("POST", len(BODY), len(answer), town.server, load)
    spun(town.stores, draw_id, at_least=sent + 1)


def once(url: str, line: Line) -> bytes:
    """What a spin is answered. Raises BadAnswers."""
    door = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    with contextlib.closing(door):
        headers = {"Authorization": f"Bearer {line.token}", "Idempotency-Key": line.key}
        door.request("POST", line.path, line.body, {**headers, "Content-Type": "application/json"})
        answer = door.getresponse()
        said = answer.read()
    if answer.status != 201:
        raise BadAnswers(f"a spin was answered by {answer.status}: {said[:300]!r}")
    return said


def press(draw_id: UUID, token: str) -> Line:
    """One spin under a fresh key."""
    return Line(f"/api/v1/draws/{draw_id}/spins", token, BODY, str(uuid4()))


def spun(stores: Stores, draw_id: UUID, *, at_least: int) -> int:
    """How many spins there are. Raises BadAnswers unless rows, payments and counters are as many, and not fewer."""
    (told,) = read(stores, _TOLD, draw_id)
    if len(set(told)) != 1 or told[0] < at_least:
        raise BadAnswers(f"{at_least} spins were answered; sequence, rows, payments, counted: {told}")
    return int(told[0])


def hot_draw(stores: Stores) -> UUID:
    """Published, with everything that a draw can have; its first promise is the server's."""
    now, draw_id = datetime.now(UTC), new_id()
    offers = publish(stores, [Voucher(OfferTerms()), Voucher(OfferTerms(), name="茶券")])
    prizes = (
        _prize("phone", PrizeKind.GOODS, 1_000, rarity=3, stock=PLENTY, per_member=5, daily=PLENTY, fallback="wash"),
        _prize("wash", PrizeKind.BENEFIT, 60_000, rarity=2, stock=PLENTY, reference=str(offers[0].id), fallback="tea"),
        _prize("tea", PrizeKind.BENEFIT, 100_000, stock=PLENTY, reference=str(offers[1].id), per_member_daily=PLENTY),
        _prize("many", PrizeKind.POINTS, 10_000, amount=100, stock=PLENTY),
        _prize("some", PrizeKind.POINTS, 150_000, amount=5),
        _prize("again", PrizeKind.CHANCES, 50_000, amount=1),
        _prize("growth", PrizeKind.GROWTH, 50_000, amount=10),
        Prize("thanks", "谢谢参与", PrizeKind.THANKS, 579_000),
    )
    window = {"opens_at": now - timedelta(days=1), "closes_at": now + timedelta(days=30)}
    rules = DrawRules(
        "周年抽奖", prizes=prizes, price=SpinPrice(points=PRICE), notice=_NOTICE,
        pity=Pity(rarity=2, guaranteed_at=60, ramp_from=40, ramp_ppm=5_000),
        per_member=PLENTY, per_member_daily=PLENTY, **window,
    )  # fmt: skip
    terms = stored(DrawTerms(rules))
    draw = {
        "id": draw_id, "organization_id": root(stores), "code": f"bench-{draw_id}", "keyword": "",
        "state": DrawState.PUBLISHED.value, "version": 1, "terms": terms, **window, "last_sequence": 0,
        "chain_hash": "", "day": "", "commitment_count": 0, "commitment_hash": "",
    }  # fmt: skip
    fill(stores, "draw", [draw], at=now)
    fill(stores, "draw_version", [{"draw_id": draw_id, "number": 1, "terms": terms, "published_at": now}], at=now)
    counters = {"returned_count": 0, "awarded_count": 0, "day": "", "day_count": 0}
    stocks = [(prize.code, prize.stock) for prize in prizes]
    rows = [{"draw_id": draw_id, "code": code, "added_count": n, "left_count": n, **counters} for code, n in stocks]
    fill(stores, "draw_prize", rows, at=now)
    changes = [{"draw_id": draw_id, "code": code, "delta": n, "reason": "published"} for code, n in stocks if n]
    fill(stores, "draw_stock_change", changes, at=now)
    return draw_id


def _prize(code: str, kind: PrizeKind, ppm: int, **more: object) -> Prize:
    return Prize(code, code, kind, ppm, value_fen=100, **more)  # type: ignore[arg-type]


def give_points(stores: Stores, people: list[UUID]) -> None:
    """Points enough for everything, in one lot each."""
    now, issued = datetime.now(UTC), new_id()
    ((programme_id,),) = read(stores, "SELECT id FROM programme")
    place = {"programme_id": programme_id, "unit": POINTS}
    kind = LedgerAccountKind.MEMBER.value
    own = {"id": issued, **place, "kind": LedgerAccountKind.ISSUED.value, "has_lots": False}
    fill(stores, "ledger_account", [own], at=now)
    accounts = [
        {"id": new_id(), **place, "kind": kind, "member_id": each, "has_lots": True, "posted": PURSE, "held": 0,
         "floor": 0}
        for each in people
    ]  # fmt: skip
    fill(stores, "ledger_account", accounts, at=now)
    given = [
        {"id": new_id(), **place, "debit_id": issued, "credit_id": each["id"], "amount": PURSE, "cause_kind": "bench",
         "cause_id": str(each["id"]), "leg": 0, "happened_at": now}
        for each in accounts
    ]  # fmt: skip
    fill(stores, "transfer", given, at=now)
    lots = [
        {"account_id": each["credit_id"], "transfer_id": each["id"], "origin_id": each["id"], "amount": PURSE,
         "left_amount": PURSE}
        for each in given
    ]  # fmt: skip
    fill(stores, "ledger_lot", lots, at=now)
