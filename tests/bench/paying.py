"""Orders for money, and what WeChat Pay says of them: signed both ways, over a pretend one that answers at once."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiohttp
import orjson
import uvloop

from handlers.rules.offer_terms import OfferTerms, Price
from tests.bench.accounts import MP
from tests.bench.beside import analyse, read
from tests.bench.figures import Subject, Supply
from tests.bench.load import CONNECTIONS, BadAnswers, Line, Load, Overran, write_feed, wrk
from tests.bench.pool import Voucher, publish
from tests.bench.seeding import Seeded, members, seeding
from tests.bench.stores import Stores
from tests.bench.town import Town
from tests.paying import MCH_ID, merchant

OFFERS, PRICE_FEN = 64, 1_990
AGAIN = 512  # notices that are told again and again
TARGET = "/pay/notify/transaction"
_BODY = orjson.dumps({"payment_method": "wechat"}).decode()
_ORDERED = """
    SELECT (SELECT count(*) FROM sales_order) AS orders,
        (SELECT count(*) FROM sales_order WHERE prepay_id <> '') AS announced,
        (SELECT count(DISTINCT order_id) FROM claim_slot) AS locked
"""
_PAID = """
    SELECT (SELECT count(*) FROM sales_order WHERE state = 'paid') AS paid,
        (SELECT count(*) FROM order_claim) AS claims,
        (SELECT count(*) FROM transfer WHERE cause_kind = 'order') AS moved
"""


@dataclass(frozen=True)
class Paid:
    """A notice that is still to be sent, or sent again."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def line(self) -> Line:
        return Line(TARGET, body=self.body.decode(), headers=self.headers)


@contextlib.contextmanager
def order(town: Town) -> Iterator[Subject]:
    """POST /offers/{id}/orders, each by another member, of 64 offers in turn."""
    supply, feed, offers = Supply(), town.home / "orders.tsv", itertools.cycle(_priced(town.stores))
    supply.seen(Load(300, 1.0, 0.0, 0.0))
    people: list[Seeded] = []
    sent = most = 0

    def prepare(seconds: int) -> None:
        people[:] = _people(town.stores, supply.count(seconds))

    def load(seconds: int) -> Load:
        nonlocal sent, most
        before = town.platform.cpu_seconds()
        try:
            found = supply.send(town.server.url, feed, (_press(next(offers), each) for each in people), seconds=seconds)
        except Overran:
            most += len(people)
            raise
        sent += found.requests
        most += found.requests + CONNECTIONS
        return replace(found, platform=town.platform.cpu_seconds() - before)

    yield Subject("POST", len(_BODY), 900, town.server, load, prepare)
    (told,) = read(town.stores, _ORDERED)
    if told[0] != told[2] or not sent <= told[1] <= told[0] <= most:
        raise BadAnswers(f"{sent} were answered, {most} at most were sent; orders, announced, with slots: {told}")


@contextlib.contextmanager
def notify(town: Town) -> Iterator[Subject]:
    """POST /pay/notify/transaction: each for the first time, of an order of another member, of 64 offers in turn."""
    supply, feed, offers = Supply(), town.home / "notices.tsv", _priced(town.stores)
    supply.seen(Load(400, 1.0, 0.0, 0.0))
    notices: list[Paid] = []
    sent = most = 0

    def prepare(seconds: int) -> None:
        notices[:] = _notices(town, offers, supply.count(seconds))

    def load(seconds: int) -> Load:
        nonlocal sent, most
        try:
            found = supply.send(town.server.url, feed, (each.line for each in notices), seconds=seconds)
        except Overran:
            most += len(notices)
            raise
        sent += found.requests
        most += found.requests + CONNECTIONS
        return found

    before = _paid(town.stores)
    yield Subject("POST", 1_100, 0, town.server, load, prepare)
    found = _paid(town.stores) - before
    if not sent <= found <= most:
        raise BadAnswers(f"{sent} were answered, {most} at most were sent; {found} orders are paid")


@contextlib.contextmanager
def notified(town: Town) -> Iterator[Subject]:
    """The same notices of 512 orders again and again, after each was taken once."""
    notices = _notices(town, _priced(town.stores), AGAIN)
    feed = write_feed(town.home / "again.tsv", (each.line for each in notices))
    told = asyncio.run(_tell(town.server.url, notices))
    if told != AGAIN:
        raise BadAnswers(f"{told} of {AGAIN} notices were taken")
    before = _paid(town.stores)
    yield Subject("POST", 1_100, 0, town.server, lambda seconds: wrk(town.server.url, "POST", feed, seconds=seconds))
    if _paid(town.stores) != before:
        raise BadAnswers("what was taken before paid something")


def _priced(stores: Stores) -> Sequence[UUID]:
    terms = OfferTerms(stock=1_000_000, price=Price(fen=PRICE_FEN))
    return [each.id for each in publish(stores, [Voucher(terms) for _ in range(OFFERS)])]


def _people(stores: Stores, count: int) -> list[Seeded]:
    found = seeding(stores, lambda ground: members(ground, count))
    analyse(stores)
    return found


def _press(offer_id: UUID, one: Seeded) -> Line:
    return Line(f"/api/v1/offers/{offer_id}/orders", one.token, _BODY, str(uuid4()))


def _paid(stores: Stores) -> int:
    """Orders that are paid. Raises BadAnswers unless claims and money are as many."""
    (told,) = read(stores, _PAID)
    if len(set(told)) != 1:
        raise BadAnswers(f"paid orders, their claims, their money: {told}")
    return int(told[0])


def _notices(town: Town, offers: Sequence[UUID], count: int) -> list[Paid]:
    """Of so many new orders, made at the server by as many people, each paid in full just now."""
    people = _people(town.stores, count)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        numbers = runner.run(_ordered(town.server.url, offers, people))
    return [_notice(number, one.openid) for number, one in zip(numbers, people, strict=True)]


async def _ordered(url: str, offers: Sequence[UUID], people: Sequence[Seeded]) -> list[str]:
    gate = asyncio.Semaphore(CONNECTIONS)

    async def one(session: aiohttp.ClientSession, offer_id: UUID, buyer: Seeded) -> str:
        asked = _press(offer_id, buyer)
        headers = {
            "Authorization": f"Bearer {buyer.token}",
            "Idempotency-Key": asked.key,
            "Content-Type": "application/json",
        }
        async with gate, session.post(f"{url}{asked.path}", data=asked.body, headers=headers) as answer:
            told = await answer.read()
            if answer.status != 201:
                raise BadAnswers(f"an order: {answer.status} {told[:300]!r}")
            return str(orjson.loads(told)["order"]["number"])

    async with aiohttp.ClientSession() as session:
        pairs = zip(itertools.cycle(offers), people, strict=False)
        return await asyncio.gather(*(one(session, offer_id, buyer) for offer_id, buyer in pairs))


async def _tell(url: str, notices: Sequence[Paid]) -> int:
    """How many were taken."""
    gate = asyncio.Semaphore(CONNECTIONS)

    async def one(session: aiohttp.ClientSession, notice: Paid) -> bool:
        async with gate, session.post(f"{url}{TARGET}", data=notice.body, headers=notice.headers) as answer:
            return answer.status == 204

    async with aiohttp.ClientSession() as session:
        return sum(await asyncio.gather(*(one(session, each) for each in notices)))


def _notice(number: str, openid: str) -> Paid:
    """As WeChat Pay seals and signs it."""
    now, theirs = datetime.now(UTC), merchant()
    paid = {
        "mchid": MCH_ID,
        "appid": MP.app_id,
        "out_trade_no": number,
        "transaction_id": f"42{secrets.randbelow(10**26):026}",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "success_time": now.isoformat(timespec="seconds"),
        "payer": {"openid": openid},
        "amount": {"total": PRICE_FEN, "payer_total": PRICE_FEN, "currency": "CNY", "payer_currency": "CNY"},
    }
    told = {
        "id": str(uuid4()),
        "create_time": now.isoformat(timespec="seconds"),
        "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource",
        "summary": "支付成功",
        "resource": theirs.sealed(orjson.dumps(paid), "transaction"),
    }
    body = orjson.dumps(told)
    return Paid(body, theirs.headers(body, now.timestamp()))
