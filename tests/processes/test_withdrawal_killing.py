"""kill -9 at every point around sending money out and writing down what was said of it: each number is paid once."""

import asyncio
import time
from uuid import UUID

import pytest

from gateways.clock import SystemClock
from handlers.codec import to_json
from handlers.rules.withdrawals import WithdrawalRules
from models import database
from models.ids import new_id
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Programme
from models.withdrawals import WithdrawalTerms
from models.words import OperatorRole
from tests.handlers.withdrawing import breaches, given_at
from tests.paying import merchant, pay_environment
from tests.processes import failing, stored

HAS, TAKES = 10_000, 1_000


async def opened(site):
    """The server makes the root known and somebody joins; the money and the terms are written as they are stored."""
    server = await site.serve()
    screen = site.platform.person("小明").open_mini_program(site.mp)
    assert (await screen.join(with_phone=False)).is_fine
    me = (await screen.call("GET", "/me")).answer
    await server.stop()
    site.platform.pay.merchant = merchant()
    await database.connect(site.database_url)
    try:
        root, now = await Organization.get(parent_id=None), SystemClock().now()
        facts = {"role": OperatorRole.ADMIN, "password_hash": "x", "totp_cipher": "x"}
        admin = await Operator.create(id=new_id(), organization_id=root.id, login="root", **facts)
        await WithdrawalTerms.create(
            programme=await Programme.first(),
            number=1,
            terms=to_json(WithdrawalRules(daily_count=50)),
            published_by_id=admin.id,
            published_at=now,
        )
        await given_at(UUID(me["id"]), HAS, at=now)
    finally:
        await database.disconnect()
    return screen


def paying(site) -> dict[str, str]:
    """One process that asks and sends, on both pairs, with WeChat Pay."""
    pay = pay_environment(site.environment["FANPIAO_WECHAT__API_URL"])
    return {**pay, "WORKER__EMBEDDED": "true"}


async def serving(site, planted: str):
    return await site.serve(planted=planted, **paying(site))


async def dies_at(site, server, screen, point: str) -> None:
    """Somebody asks, and whoever sends dies at that point; what is left is due to be looked at."""
    (site.home / failing.ARMED).write_text(f"transfer {point}")
    await screen.login()  # the session went with the process, where Redis is inside it
    asked = await screen.call("POST", "/me/withdrawals", {"amount_fen": TAKES}, key=point)
    assert asked.status in {201, 0}, asked.answer  # 0: dead before it had answered
    await server.ended()
    assert not (site.home / failing.ARMED).exists()
    await due(site)


async def due(site) -> None:
    """Nobody has to wait here for the lease of the dead, nor for the next look."""
    await stored.damage(
        site.database_url,
        "UPDATE job SET lease_until = run_at WHERE state = 'running'",
        "UPDATE withdrawal SET look_at = created_at WHERE state IN ('sent', 'confirm')",
    )


async def until(is_so, what) -> None:
    since = time.monotonic()
    while not await is_so():
        assert time.monotonic() - since < 60, what
        await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
async def test_killed_around_sending_it_asks_under_the_same_number_and_pays_once(site):
    screen, bills = await opened(site), site.platform.pay.transfers.bills
    server = await serving(site, failing.PLANT)
    for turn, point in enumerate(failing.CALLING, 1):
        await dies_at(site, server, screen, point)
        assert len(bills) == turn - (point == "before_sending")
        server = await serving(site, failing.PLANT)
        await screen.login()
        (newest, *_) = (await screen.call("GET", "/me/withdrawals")).answer["items"]
        shown: dict = {}

        async def waits_to_be_taken(newest=newest, shown=shown) -> bool:
            await due(site)
            shown |= (await screen.call("GET", f"/me/withdrawals/{newest['id']}")).answer
            return shown["confirmation"] is not None

        await until(waits_to_be_taken, point)
        assert (len(bills), bills[newest["number"]].state) == (turn, "WAIT_USER_CONFIRM")
        screen.take_money(shown["confirmation"])
        await site.platform.pay.settle()
        assert (await screen.call("GET", f"/me/withdrawals/{newest['id']}")).answer["withdrawal"]["state"] == "arrived"
    assert [each.paid_count for each in bills.values()] == [1] * len(failing.CALLING)
    balance = (await screen.call("GET", "/me/balance")).answer
    left = HAS - TAKES * len(failing.CALLING)
    assert (balance["available_fen"], balance["held_fen"]) == (left, 0)
    await server.stop()
    await database.connect(site.database_url)
    try:
        assert await breaches() == []
    finally:
        await database.disconnect()


@pytest.mark.timeout(180)
async def test_a_build_that_sends_anew_under_another_number_pays_twice(site):
    """Negative control: killed after sending, it takes another number for what it has no answer to."""
    screen, books = await opened(site), site.platform.pay.transfers
    server = await serving(site, failing.PLANT_NEW_NUMBERS)
    await dies_at(site, server, screen, "after_sending")
    server = await serving(site, failing.PLANT_NEW_NUMBERS)

    async def has_two() -> bool:
        await due(site)
        return len(books.bills) > 1

    await until(has_two, "sent again")
    for bill in list(books.bills.values())[:2]:
        page = {"mch_id": merchant().mch_id, "app_id": bill.app_id, "package": bill.package}
        screen.take_money(page)
    assert books.got(bill.openid) >= 2 * TAKES  # for one withdrawal
    await site.platform.pay.close()
