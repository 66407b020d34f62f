"""A pool of codes runs dry in the middle of a rush: everybody gets a code of their own or a clear no, nobody waits."""

import asyncio
from collections import Counter

from handlers.benefits.code_imports import CodeImports
from handlers.import_files import examine
from models.benefits import Benefit
from models.claims import Claim
from models.database import rows
from models.ids import new_id
from models.organizations import Organization
from models.statements.invariants import CHECKS
from models.words import BenefitKind, BenefitState
from tests.handlers.claimable import an_offer
from tests.stories.test_service_desk import desk, joined  # noqa: F401

CODES, PEOPLE = 8, 12


async def test_a_pool_runs_dry_mid_rush_and_is_filled_up_again(town, desk, tmp_path):  # noqa: F811
    benefit = await a_cinema_coupon()
    made = await desk.made("/code-pools", {"code": "cinema", "name": "电影票码", "benefit": "cinema-coupon"})
    assert (made["added_count"], made["free_count"], made["assigned_count"]) == (0, 0, 0)
    await bring_in(town, tmp_path / "first.csv", [f"FILM-{number}" for number in range(CODES)])
    offer = await an_offer(town.clock.now(), benefit=benefit, keyword="电影")
    people = [f"影迷{number}" for number in range(PEOPLE)]
    for name in people:
        await joined(town, desk, name)

    async def claim(name):
        return await desk.tell("POST", f"/offers/{offer.id}/claims", {}, who=name)

    answers = dict(zip(people, await asyncio.gather(*map(claim, people)), strict=True))
    assert Counter(status for status, _ in answers.values()) == {201: CODES, 409: PEOPLE - CODES}
    missed = [name for name, (status, _) in answers.items() if status == 409]
    assert {answers[name][1]["code"] for name in missed} == {"offer.sold_out"}
    assert await Claim.all().count() == CODES
    _, pool = await desk.tell("GET", "/operator/code-pools/cinema")
    assert (pool["free_count"], pool["assigned_count"]) == (0, CODES)
    assert [check.what for check in CHECKS if await rows(check.sql)] == []

    await bring_in(town, tmp_path / "second.csv", ["FILM-0", "FILM-X"])  # one of them was given out already
    _, files = await desk.tell("GET", "/operator/code-imports?pool=cinema")
    assert [(each["added_count"], each["repeated_count"]) for each in files["items"]] == [(1, 1), (CODES, 0)]
    assert (await claim(missed[0]))[0] == 201
    assert (await claim(missed[1]))[0] == 409
    await town.house.handlers.code_stock.watch()
    await town.work()
    _, audit = await desk.tell("GET", "/operator/audit?limit=50")
    told = {each["action"]: each for each in audit["items"]}
    assert told["code_pool.empty"]["facts"]["code"] == "cinema"


async def test_codes_are_nobodys_business_who_is_not_signed_in_or_of_another_city(town, desk):  # noqa: F811
    body = {"code": "cinema", "name": "电影票码", "benefit": "no-such"}
    assert (await desk.tell("POST", "/operator/code-pools", body))[1]["code"] == "benefit.unknown"
    for path in ("/code-pools/none", f"/code-imports/{new_id()}", f"/code-imports/{new_id()}/refusals"):
        assert (await desk.tell("GET", f"/operator{path}"))[0] == 404
    await joined(town, desk, "小明")
    for path in ("/code-pools", "/code-imports"):
        assert (await desk.tell("GET", f"/operator{path}", who="小明"))[0] == 401


async def a_cinema_coupon() -> Benefit:
    """Of the pool `cinema`, which is still to be made."""
    terms = {"pool": "cinema", "how_to_use": "在影院取票机输入"}
    root, kind = await Organization.get(parent=None), BenefitKind.CODE_COUPON
    return await Benefit.create(
        organization=root, code="cinema-coupon", name="电影票", kind=kind, state=BenefitState.POOL, terms=terms
    )


async def bring_in(town, path, codes):
    """What `fanpiao import-codes` does."""
    path.write_text("\n".join(["券码", *codes]), "utf-8")
    vault = town.house.handlers.card_desk._vault
    async for _ in CodeImports(town.house.clock, vault).run(examine(path), pool="cinema"):
        pass
