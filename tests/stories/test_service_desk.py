"""The operators' door for cards: a merchant joins, its old cards come in, and the service desk looks after them."""

import base64
from pathlib import Path

import aiohttp
import orjson
import pytest

from handlers.cards.card_imports import CardImports
from handlers.import_files import examine
from handlers.rules.numbers import check_digit
from models.operators import AuditEntry
from tests.operating import PASSWORD
from tests.stories.conftest import BOOTSTRAP_TOKEN, Town
from tests.stories.test_foreign_rows import Door

KIND = {"code": "old", "name": "老会员卡", "digit_count": 12, "prefix": "66", "merchant": "books", "is_issued": False}


def number(body: int) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


class Desk(Door):
    """The operators' door with answers as JSON."""

    async def tell(self, method: str, path: str, body: object = None, *, who: str = "root"):
        answer = await self.ask(method, path, body, who=who)
        return answer.status, orjson.loads(answer.body) if answer.body else None

    async def made(self, path: str, body: object):
        status, told = await self.tell("POST", f"/operator{path}", body)
        assert status == 201, told
        return told


@pytest.fixture
async def desk(town):
    async with aiohttp.ClientSession() as client:
        desk = Desk(town.address, client)
        body = {"token": BOOTSTRAP_TOKEN, "login": "root", "password": PASSWORD}
        headers = {"Idempotency-Key": "first"}
        async with client.post(f"{town.address}/api/v1/operator/bootstrap", json=body, headers=headers) as answer:
            await desk.operator("root", (await answer.json())["otpauth_uri"])
        yield desk


async def joined(town: Town, desk: Desk, name: str):
    screen = town.person(name).open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    desk.tokens[name] = str(screen.token)
    _, me = await desk.tell("GET", "/me", who=name)
    return me["id"]


async def bring_in(town: Town, folder: Path) -> None:
    """What `fanpiao import-cards` does; two of the rows are wrong."""
    lines = [f"{number(1)},4321,S1", f"{number(2)},4321,S1", f"{number(3)[:-1]}x,4321,S1", f"{number(4)},4321,S9"]
    file = folder / "cards.csv"
    file.write_text("\n".join(["卡号,密码,门店", *lines]), "utf-8")
    handlers = town.house.handlers
    async for _ in CardImports(town.house.clock, handlers.card_desk._vault, handlers.card_kinds).run(
        examine(file), kind="old"
    ):
        pass


async def test_a_merchant_joins_and_its_cards_are_looked_after(town, desk, tmp_path):
    await desk.made("/merchants", {"code": "books", "name": "江南书店"})
    store = await desk.made("/stores", {"merchant": "books", "code": "S1", "name": "湖滨店"})
    assert (await desk.tell("PATCH", f"/operator/stores/{store['id']}", {"name": "湖滨新店"}))[1]["code"] == "S1"
    kind = await desk.made("/card-kinds", KIND)
    await bring_in(town, tmp_path)

    _, imports = await desk.tell("GET", "/operator/card-imports")
    (file,) = imports["items"]
    assert (file["kind"], file["added_count"], file["refused_count"], file["state"]) == ("old", 2, 2, "done")
    rows, cursor = [], ""
    while cursor is not None:
        asked = f"/operator/card-imports/{file['id']}/refusals?limit=1" + (f"&cursor={cursor}" if cursor else "")
        _, page = await desk.tell("GET", asked)
        rows += [(each["row_number"], each["code"], bool(each["reason"])) for each in page["items"]]
        cursor = page["next_cursor"]
    assert [(row, reason) for row, _, reason in rows] == [(4, True), (5, True)]

    ming, hong = await joined(town, desk, "小明"), await joined(town, desk, "小红")
    bind = {"kind": "old", "number": number(1), "proof": {"pin": "4321"}}
    status, bound = await desk.tell("POST", "/me/cards", bind, who="小明")
    assert status == 201, bound
    _, offered = await desk.tell("GET", "/card-kinds")
    assert offered["items"][0]["stores"][0]["name"] == "湖滨新店"

    _, found = await desk.tell("POST", "/operator/cards/lookup", {"number": number(1)})
    (card,) = found["items"]
    assert (card["member_id"], card["last4"], card["status"]) == (ming, number(1)[-4:], "bound")
    one = f"/operator/cards/{card['id']}"
    assert (await desk.tell("POST", f"{one}/lost"))[1]["status"] == "lost"
    _, mine = await desk.tell("GET", "/me/cards", who="小明")
    assert {each["status"] for each in mine["items"] if each["kind"] == "old"} == {"lost"}
    assert (await desk.tell("POST", f"{one}/lost"))[1]["code"] == "card.state_wrong"
    assert (await desk.tell("POST", f"{one}/found"))[1]["status"] == "bound"

    over = {"from_member_id": ming, "to_member_id": hong, "proof": "receipt", "reason": "已核对购物小票"}
    status, changed = await desk.tell("POST", f"{one}/hand-overs", over)
    assert (status, changed["member_id"]) == (201, hong)
    assert (await desk.tell("POST", f"{one}/hand-overs", over))[1]["code"] == "card.holder_changed"
    status, changed = await desk.tell("POST", f"{one}/replacements", {"number": number(2)})
    assert (status, changed["status"], changed["new_last4"]) == (201, "replaced", number(2)[-4:])
    _, hongs = await desk.tell("GET", f"/operator/members/{hong}/cards")
    assert {(each["last4"], each["status"]) for each in hongs["items"] if each["kind"] == "old"} == {
        (number(1)[-4:], "replaced"),
        (number(2)[-4:], "bound"),
    }

    status, off = await desk.tell("PATCH", f"/operator/card-kinds/{kind['id']}", {"is_active": False})
    assert (status, off["is_active"]) == (200, False)
    assert (await desk.tell("GET", "/card-kinds"))[1]["items"] == []
    status, refused = await desk.tell("POST", "/me/cards", bind, who="小明")
    assert (status, refused["code"]) == (404, "card.kind_unknown")

    actions = await AuditEntry.filter(actor_kind="operator").order_by("id").values_list("action", flat=True)
    told = ["card.searched", "card.lost", "card.found", "card.handed_over", "card.replaced", "card_kind.changed"]
    assert actions[-6:] == told
    entries = str(await AuditEntry.all().values())
    assert number(1) not in entries
    assert number(2) not in entries


async def test_a_new_kind_of_the_programme_reaches_who_joined_before(town, desk):
    ming = await joined(town, desk, "小明")
    await desk.made("/brands", {"code": "cinema", "name": "影城"})
    kind = {"code": "film", "name": "联名卡", "digit_count": 14, "brand": "cinema"}
    await desk.made("/card-kinds", kind)
    _, mine = await desk.tell("GET", "/me/cards", who="小明")
    assert {each["kind"] for each in mine["items"]} == {"member", "film"}
    hong = await joined(town, desk, "小红")
    await town.work()
    for member in (ming, hong):
        _, seen = await desk.tell("GET", f"/operator/members/{member}/cards")
        assert {each["kind"] for each in seen["items"]} == {"member", "film"}


NAMES = ("", "   ", "a\x00b", "a\nb", "\u2028", "名" * 129, 7, None, ["x"])
MEMBER = "01a20219-4213-7a3c-a105-105d1e23fe0d"
OVER = {"from_member_id": None, "to_member_id": MEMBER, "proof": "card", "reason": "换了主人"}


@pytest.mark.parametrize("path", ["/operator/merchants", "/operator/brands", "/operator/stores"])
async def test_names_and_codes_that_nobody_could_use_are_refused_by_their_shape(town, desk, path):
    good = {"code": "ok", "name": "好"} | ({"merchant": "books"} if path.endswith("stores") else {})
    wrong = [{**good, "name": name} for name in NAMES]
    wrong += [{**good, "code": code} for code in ("", "有", "a b", "x" * 33, "-a", "a\x00", 1)]
    wrong += [{**good, "unknown": 1}, {"code": "ok"}, [], None, {**good, "organization_id": "x"}]
    for body in wrong:
        status, told = await desk.tell("POST", path, body)
        assert status == 400, (body, told)


async def test_kinds_and_hand_overs_of_a_wrong_shape_are_refused(town, desk):
    card = f"/operator/cards/{MEMBER}"
    wrong = [
        *(("/operator/card-kinds", {**KIND, **more}) for more in (
            {"digit_count": 5}, {"digit_count": 33}, {"digit_count": "12"}, {"prefix": "6x"}, {"prefix": "666666666"},
            {"code": "大"}, {"is_issued": "yes"}, {"brand": "b"}, {"name": "a\x00"},
        )),
        *((f"{card}/hand-overs", {**OVER, **more}) for more in (
            {"reason": ""}, {"reason": "  "}, {"reason": "手机 13912345670"}, {"reason": "139-1234-5670"},
            {"reason": "x" * 201}, {"reason": None}, {"proof": "none"}, {"proof": None}, {"to_member_id": None},
        )),
        (f"{card}/hand-overs", {name: value for name, value in OVER.items() if name != "from_member_id"}),
        (f"{card}/hand-overs", {name: value for name, value in OVER.items() if name != "proof"}),
        (f"{card}/hand-overs", {name: value for name, value in OVER.items() if name != "reason"}),
        (f"{card}/replacements", {"number": "1"}),
        ("/operator/cards/lookup", {"number": ""}),
        ("/operator/cards/lookup", {}),
        ("/operator/cards/not-an-id/lost", None),
    ]  # fmt: skip
    for path, body in wrong:
        status, told = await desk.tell("POST", path, body)
        assert status in {400, 404}, (path, body, told)
        assert status == 400 or "not-an-id" in path, (path, body, told)
    # A form that is well written and impossible all the same.
    status, told = await desk.tell("POST", "/operator/card-kinds", {**KIND, "merchant": None, "is_issued": True})
    assert (status, told["code"]) == (422, "card.kind_invalid")


@pytest.mark.parametrize("odd", ["0000", "１２３４５６", "'; DROP TABLE card", "卡" * 64, "a\x00bc"])
async def test_odd_numbers_find_nothing_and_break_nothing(town, desk, odd):
    status, told = await desk.tell("POST", "/operator/cards/lookup", {"number": odd})
    assert (status, told) == (200, {"items": [], "next_cursor": None}) or status == 400


def cursor(position: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


@pytest.mark.parametrize("position", [[-1], [2**31], [2**63], ["x"], [1, 2], {}, [None], [True]])
async def test_a_cursor_that_nobody_gave_is_refused(town, desk, position):
    for path in (f"/operator/card-imports/{MEMBER}/refusals", "/operator/card-imports", "/operator/stores"):
        status, told = await desk.tell("GET", f"{path}?cursor={cursor(position)}")
        assert status == 400, (path, told)


async def test_without_a_key_nothing_is_written(town, desk):
    headers = {"Authorization": f"Bearer {desk.tokens['root']}"}
    one = f"/operator/cards/{MEMBER}"
    for path in ("/operator/card-kinds", "/operator/merchants", f"{one}/lost", f"{one}/found", f"{one}/hand-overs"):
        async with desk.client.post(f"{town.address}/api/v1{path}", json={}, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["code"] == "idempotency.missing"
