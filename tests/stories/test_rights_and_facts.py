"""What stays a frozen person's right, what joining says of a second number, and the one question to a till's member."""

from datetime import UTC, datetime, timedelta

import aiohttp

from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from models.cards import Card
from models.database import atomic
from models.identity import Identifier, Member
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.words import MemberStatus, Namespace
from tests.operating import PASSWORD
from tests.stories.conftest import BOOTSTRAP_TOKEN

PHONE, SECOND = "13912345670", "13912345671"


async def test_a_frozen_member_signs_in_sees_corrects_withdraws_and_leaves_and_does_nothing_else(town):
    ming = town.person("小明", phone=PHONE)
    screen = ming.open_mini_program(town.mp)
    assert (await screen.join(with_phone=True)).status == 201
    await Member.all().update(status=MemberStatus.FROZEN)
    again = ming.open_mini_program(town.mp)
    assert (await again.login()).status == 201
    for method, path, body in (
        ("GET", "/me/cards", None),
        ("POST", "/me/link-tickets", {}),
        ("PUT", "/me/consents/marketing", {"version": "2026-11"}),
        ("GET", "/me/numbers", None),
    ):
        refused = await again.call(method, path, body, key=f"try-{path}" if method == "POST" else None)
        assert (refused.status, refused.fact("code")) == (403, "member.frozen"), path
    assert (await again.me()).status == 200
    assert (await again.call("PATCH", "/me", {"nickname": "小明"})).status == 200
    export = await again.call("GET", "/me/export")
    assert export.status == 200
    assert export.fact("member")["status"] == "frozen"
    assert (await again.call("DELETE", "/me/consents/phone")).status == 200
    assert (await again.call("DELETE", "/me")).status == 204
    assert (await again.call("GET", "/me/export")).status == 401


async def test_joining_again_with_a_second_own_number_says_that_the_first_one_stays(town):
    ming = town.person("小明", phone=PHONE)
    screen = ming.open_mini_program(town.mp)
    assert (await screen.join(with_phone=True)).fact("phone_status") == "attached"
    ming.phone = SECOND
    again = await ming.open_mini_program(town.mp).join(with_phone=True)
    assert (again.status, again.fact("phone_status")) == (200, "kept")
    assert again.fact("member")["phone"].endswith("5670")


async def test_a_birthday_in_the_future_is_refused_when_it_is_corrected_and_when_somebody_joins(town):
    screen = town.person("小明").open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    refused = await screen.call("PATCH", "/me", {"birthday": tomorrow})
    assert (refused.status, refused.fact("code")) == (422, "profile.birthday_invalid")
    assert (await screen.call("PATCH", "/me", {"birthday": "1990-02-28"})).status == 200


async def a_till_member(town, *, store: Store) -> None:
    """Whom the till knows by the number and the store where they shopped last, and nobody saw for a long time."""
    vault = town.house.handlers.transfers._vault
    async with atomic():
        proof = Proof(Namespace.PHONE, "86", PHONE, "import")
        known = await resolve([proof], now=datetime.now(UTC), vault=vault)
    await Identifier.all().update(last_seen_at=datetime.now(UTC) - timedelta(days=200))
    card = await Card.all().first()
    await Card.filter(id=card.id).update(member_id=known.member_id, last_store_id=store.id)


async def test_a_tills_member_of_long_ago_is_asked_for_the_store_and_taken_in_by_the_right_answer(town):
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    right = await Store.create(merchant=merchant, code="S1", name="湖滨店")
    wrong = await Store.create(merchant=merchant, code="S2", name="城西店")
    await town.person("小红").open_mini_program(town.mp).join(with_phone=False)  # whose card becomes the till's
    await a_till_member(town, store=right)
    ming = town.person("小明", phone=PHONE)
    screen = ming.open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    await screen.call("PUT", "/me/consents/phone", {"version": "2026-11"})
    code = screen.phone_code()
    asked = await screen.call("PUT", "/me/phone", {"phone_code": code})
    assert (asked.status, asked.fact("code"), asked.fact("questions")) == (409, "phone.fact_needed", ["last_store"])
    body = {"phone_code": code, "fact": {"last_store_id": str(right.id)}}
    answered = await screen.call("PUT", "/me/phone", body)
    assert (answered.status, answered.fact("outcome")) == (200, "merged")
    assert await Member.filter(status=MemberStatus.MERGED).count() == 1
    assert wrong.id != right.id


async def test_an_operator_blocks_a_stores_phone_and_nobody_joins_with_it(town):
    async with aiohttp.ClientSession() as client:
        base = f"{town.address}/api/v1"
        key = {"Idempotency-Key": "first"}
        body = {"token": BOOTSTRAP_TOKEN, "login": "root", "password": PASSWORD}
        async with client.post(f"{base}/operator/bootstrap", json=body, headers=key) as answer:
            uri = (await answer.json())["otpauth_uri"]
        import pyotp

        body = {"login": "root", "password": PASSWORD, "otp": pyotp.parse_uri(uri).now()}
        async with client.post(f"{base}/operator/sessions", json=body) as answer:
            bearer = {"Authorization": f"Bearer {(await answer.json())['token']}", **key}
        blocked = {"value": PHONE, "reason": "湖滨店"}
        async with client.post(f"{base}/operator/blocked-identifiers", json=blocked, headers=bearer) as answer:
            assert answer.status == 201, await answer.text()
            made = await answer.json()
            assert (made["tail"], made["namespace"], made["scope"]) == ("5670", "phone", "86")
        screen = town.person("小明", phone=PHONE).open_mini_program(town.mp)
        refused = await screen.join(with_phone=True)
        assert (refused.status, refused.fact("code")) == (422, "phone.blocked")
        assert (await screen.join(with_phone=False)).status == 201
        async with client.get(f"{base}/operator/blocked-identifiers", headers=bearer) as answer:
            assert [each["id"] for each in (await answer.json())["items"]] == [made["id"]]
        async with client.delete(f"{base}/operator/blocked-identifiers/{made['id']}", headers=bearer) as answer:
            assert answer.status == 204
        async with client.delete(f"{base}/operator/blocked-identifiers/{made['id']}", headers=bearer) as answer:
            assert answer.status in {204, 404}  # the same key is the same request
