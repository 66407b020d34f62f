"""An operator turns the pages of what was set up: nothing twice, nothing left out, and no page behind the last."""

import pytest

from miniapp_api.shapes import encode_cursor
from tests.handlers.claimable import an_offer
from tests.stories.desk import SignedIn, at_the_desk
from tests.stories.test_levels import LADDER

RULES = {"rates": [1_000], "hold_days": 7, "freeze_days": 7}


async def walked(desk: SignedIn, path: str) -> list[dict]:
    """One by one, as the cursor leads."""
    items, cursor = [], ""
    while cursor is not None:
        status, page = await desk.ask("GET", f"{path}?limit=1{f'&cursor={cursor}' if cursor else ''}")
        assert (status, len(page["items"])) == (200, 1), page
        items, cursor = [*items, *page["items"]], page["next_cursor"]
    return items


async def whole(desk: SignedIn, path: str) -> list[dict]:
    status, page = await desk.ask("GET", path)
    assert (status, page["next_cursor"]) == (200, None)
    return page["items"]


async def test_pages_of_rules_and_plans_lead_through_all_of_them(town):
    async with at_the_desk(town) as desk:
        await desk.ask("PUT", "/levels/draft", LADDER)
        await desk.ask("POST", "/levels/publish", {})
        offer = {"offer_id": str((await an_offer(town.clock.now(), stock=50)).id), "levels": ["gold"]}
        rate = {"unit": "points", "kind": "rate", "factor_bp": 10_000}
        plan = {"level": "gold", "period": "year", "price_fen": 36_600}
        kinds = {
            "/points/rules": ("code", [{"code": code, "name": code} for code in "bca"]),
            "/purchases/rules": ("code", [{"code": code, "name": code, **rate} for code in "bca"]),
            "/levels/rights": ("id", [{"code": code, "name": code, "period": "month", **offer} for code in "bca"]),
            "/plans": ("id", [{"code": code, "name": code, **plan} for code in "bca"]),
        }
        for path, (order, bodies) in kinds.items():
            for body in bodies:
                status, made = await desk.ask("PUT", path, body)
                assert status == 200, made
            listed = await whole(desk, path)
            assert [each["code"] for each in listed] == (["a", "b", "c"] if order == "code" else ["b", "c", "a"])
            assert await walked(desk, path) == listed
        for _ in range(3):
            await desk.ask("PUT", "/commission-rules/draft", RULES)
            status, made = await desk.ask("POST", "/commission-rules", None)
            assert status == 201, made
        assert [each["number"] for each in await walked(desk, "/commission-rules")] == [3, 2, 1]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/points/rules", [1]),
        ("/points/rules", ["a\x00"]),
        ("/commission-rules", ["a"]),
        ("/plans", ["a"]),
        ("/promoters/ranking", [1, "a"]),
    ],
)
async def test_a_cursor_of_somewhere_else_is_refused(town, path, wrong):
    async with at_the_desk(town) as desk:
        status, told = await desk.ask("GET", f"{path}?cursor={encode_cursor(wrong)}")
        assert (status, told["code"]) == (400, "cursor.invalid")


async def test_no_number_in_a_cursor_is_too_large_for_the_database(town):
    async with at_the_desk(town) as desk:
        _, merchant = await desk.ask("POST", "/merchants", {"code": "books", "name": "书店"})
        huge, last = 2**63, "00000000-0000-0000-0000-000000000000"
        for path, place in (
            ("/commission-rules", [huge]),
            ("/promoters/ranking", [huge, last]),
            (f"/merchants/{merchant['id']}/terms", [huge]),
        ):
            status, told = await desk.ask("GET", f"{path}?cursor={encode_cursor(place)}")
            assert status == 200, told
