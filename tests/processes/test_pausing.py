"""Kill switches between processes: what is switched off at one server is off at the other within two seconds."""

import time
import uuid
from datetime import UTC, datetime

import aiohttp
import pyotp
import pytest

from models import database
from models.benefits import Benefit
from models.identity import Member
from models.programmes import Store
from models.redemptions import Clerk
from tests.handlers.claimable import an_offer
from tests.operating import PASSWORD
from tests.servers import free_port
from tests.stories.counter_rows import signed_in

BOOTSTRAP = "a9-B7-c5-D3-e1-F0-g2-H4"
SECONDS = 2.0


async def ask(server, method, path, body=None, token=None):
    headers = {"Idempotency-Key": uuid.uuid4().hex, **({"Authorization": f"Bearer {token}"} if token else {})}
    url = f"{server.url}/api/v1{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def operator_of(server):
    _, made = await ask(
        server, "POST", "/operator/bootstrap", {"token": BOOTSTRAP, "login": "root", "password": PASSWORD}
    )
    otp = pyotp.parse_uri(made["otpauth_uri"]).now()
    status, opened = await ask(
        server, "POST", "/operator/sessions", {"login": "root", "password": PASSWORD, "otp": otp}
    )
    assert status == 201, opened
    return opened["token"]


@pytest.mark.timeout(300)
async def test_each_switch_holds_at_the_other_server_within_two_seconds_and_is_undone_there_too(site):
    if site.is_sqlite:
        pytest.skip("SQLite is served by one process; tests/handlers/test_kill_switches.py proves it there")
    first = await site.serve(OPERATOR__BOOTSTRAP_TOKEN=BOOTSTRAP)
    second = await site.serve(port=free_port())
    operator, ming = await operator_of(first), site.platform.person("小明").open_mini_program(site.mp)
    assert (await ming.join(with_phone=False)).status == 201
    await database.connect(site.database_url, pool=2)
    try:
        offer = await an_offer(datetime.now(UTC), stock=99, limits=())
        benefit = await Benefit.get(id=offer.benefit_id)
        store = await Store.create(merchant_id=benefit.merchant_id, code="S1", name="湖滨店")
        served_by = await Member.create(ordinal=10**6)
        clerk = await Clerk.create(merchant_id=benefit.merchant_id, store=store, member=served_by, name="小林")
        counter = await signed_in(clerk.id)
    finally:
        await database.disconnect()

    async def claimed():
        return await ask(second, "POST", f"/offers/{offer.id}/claims", {}, ming.token)

    async def redeemed(code):
        return await ask(second, "POST", "/clerk/redemptions", {"codes": [{"code": code}], "device_id": "d1"}, counter)

    merchant = f"/operator/merchants/{benefit.merchant_id}"
    switches = {
        "offer": [("POST", f"/operator/offers/{offer.id}/{act}", {"reason": "投诉"}) for act in ("pause", "resume")],
        "benefit": [
            ("POST", f"/operator/benefits/{benefit.id}/pause", {"reason": "投诉"}),
            ("POST", f"/operator/benefits/{benefit.id}/resume", {}),
        ],
        "merchant": [("PATCH", merchant, {"is_active": False}), ("PATCH", merchant, {"is_active": True})],
    }
    for name, (off, on) in switches.items():
        status, made = await claimed()
        assert status == 201, (name, made)
        _, shown = await ask(second, "GET", f"/me/claims/{made['claims'][0]['id']}", token=ming.token)
        status, told = await ask(first, *off[:2], off[2], operator)
        assert status == 200, told
        since = time.monotonic()
        refused, scanned = await claimed(), await redeemed(shown["typed_code"])
        assert (refused[0], refused[1]["code"]) == (409, "offer.paused"), name
        assert scanned[0] in (401, 409), (name, scanned)  # of a merchant that is off the clerks are signed out
        _, wallet = await ask(second, "GET", f"/me/claims/{made['claims'][0]['id']}", token=ming.token)
        assert wallet["claim"]["is_paused"]
        assert time.monotonic() - since < SECONDS
        status, told = await ask(first, *on[:2], on[2], operator)
        assert status == 200, told
        status, done = await redeemed(shown["typed_code"])
        assert status == 201, (name, done)
