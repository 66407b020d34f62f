"""What anybody can check: a draw is replayed from its public log by the verifier, in another process."""

import asyncio
import hashlib
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import DrawDayNotOver, DrawDayUnknown, DrawUnknown
from handlers.rules.draw_rules import Pity
from models.draws import Draw, DrawCommitment, DrawDay, DrawVersion, Parcel, Spin
from models.words import ParcelState
from tests.handlers.drawing import DAY, fair_of, goods, holds, is_whole, points
from tests.handlers.offering import key
from tests.handlers.test_unmerging import merge

VERIFIER = Path(__file__).parents[2] / "docs" / "fairness" / "verify_draw.py"


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)
    for draw in await Draw.all():
        assert await is_whole(draw.id)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def exported(fair, person, draw_id, day, path):
    lines = await fair.handlers.draw_revealing.log(person, draw_id, day=day)
    path.write_bytes(b"".join([each async for each in lines]))
    return path


async def verified(*arguments) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", VERIFIER, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_draw_is_replayed_by_the_verifier_over_days_stock_rules_pity_and_merges(
    fair, far, ming, clock, tmp_path
):
    hong = await far.member("o-hong")
    wash = await fair.voucher(100_000, stock=4, fallback="kettle")
    kettle = goods(50_000, stock=6, rarity=2, daily=3)
    draw = await fair.published(wash, kettle, points(200_000), pity=Pity(rarity=2, guaranteed_at=9))
    receipts = [(await fair.spin(person, draw, times=10)).receipt for person in (ming, hong)]
    await fair.more(draw, "kettle", 2)
    receipts.append((await fair.spin(ming, draw, client_nonce="mine")).receipt)
    rules = (await fair.handlers.draw_editing.one(fair.operator, draw)).terms.rules
    better = [replace(each, daily=None) if each.code == "kettle" else each for each in rules.prizes]
    await fair.republish(draw, prizes=tuple(better))
    await merge(fair.rooms, hong, ming)
    receipts.append((await fair.spin(ming, draw, times=10)).receipt)
    first = (await Draw.get(id=draw)).day
    clock.advance(40 * timedelta(hours=1))
    receipts.append((await fair.spin(ming, draw, times=10)).receipt)
    second = (await Draw.get(id=draw)).day
    clock.advance(DAY)
    await fair.handlers.draw_revealing.reveal_due()
    logs = [await exported(fair, ming, draw, day, tmp_path / f"{day}.jsonl") for day in (first, second)]
    status, said = await verified(*logs)
    assert status == 0, said
    public = (await fair.handlers.draw_revealing.fairness(ming, draw)).public_keys[0]
    kept = tmp_path / "mine.jsonl"
    kept.write_text(
        "".join(json.dumps({"payload": each.payload, "signature": each.signature}) + "\n" for each in receipts)
    )
    status, said = await verified(*logs, "--receipts", kept, "--key", public.public_key)
    assert status == 0, said


async def test_a_row_that_was_changed_is_found_by_the_verifier(fair, ming, clock, tmp_path):
    draw = await fair.published(points(500_000))
    await fair.spin(ming, draw, times=10)
    day = (await Draw.get(id=draw)).day
    clock.advance(DAY)
    await fair.handlers.draw_revealing.reveal_due()
    path = await exported(fair, ming, draw, day, tmp_path / "day.jsonl")
    newest = await exported(fair, ming, draw, None, tmp_path / "newest.jsonl")
    assert newest.read_bytes() == path.read_bytes()
    text = path.read_text()
    was, told = '"thanks","thanks"', '"points","points"'
    if was not in text:  # one day in a thousand all ten won
        was, told = told, was
    path.write_text(text.replace(was, told, 1))
    assert (await verified(path))[0] == 1


async def test_a_promise_is_public_before_and_its_seed_only_afterwards(fair, ming, clock):
    draw = await fair.published(points(500_000))
    await fair.handlers.draw_revealing.commit_ahead()
    seen = await fair.handlers.draw_revealing.fairness(ming, draw)
    assert [each.seed for each in seen.days] == ["", ""]  # today's and tomorrow's
    (promise,) = seen.commitments
    assert hashlib.sha256(promise.document.encode()).hexdigest() == promise.hash
    day = seen.day
    reveal = fair.handlers.draw_revealing.reveal
    with pytest.raises(DrawDayNotOver):
        await reveal(fair.operator, draw, day=day, request_id=key())
    with pytest.raises(DrawDayUnknown):
        await exported(fair, ming, draw, day, Path("/nowhere"))
    clock.advance(DAY)
    revealed = (await reveal(fair.operator, draw, day=day, request_id=key())).value
    assert hashlib.sha256(bytes.fromhex(revealed.seed)).hexdigest() == (json.loads(promise.document)["seed_hash"])


async def test_nobody_ever_spins_on_a_seed_that_is_known(fair, ming, clock):
    draw = await fair.published(points(500_000))
    await fair.spin(ming, draw)
    first = (await Draw.get(id=draw)).day
    clock.advance(DAY)
    await fair.handlers.draw_revealing.reveal_due()
    clock.advance(-DAY)  # the clock is set back to the day that is revealed
    await fair.spin(ming, draw)
    assert await Spin.filter(draw_id=draw, day=first).count() == 1


async def test_what_was_published_promised_and_spun_cannot_be_changed(fair, ming):
    draw = await fair.published(points(500_000))
    await fair.spin(ming, draw)
    for model, change in (
        (Spin, {"awarded": "points"}),
        (DrawVersion, {"number": 7}),
        (DrawCommitment, {"hash": "0"}),
        (DrawDay, {"seed_hash": "0"}),
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await model.filter(draw_id=draw).update(**change)
        with pytest.raises((IntegrityError, OperationalError)):
            await model.filter(draw_id=draw).delete()


async def test_a_thing_that_nobody_asks_for_goes_back_by_a_promise(fair, ming, clock):
    draw = await fair.published(goods(1_000_000, stock=2), terms={"address_days": 1})
    (first,) = (await fair.spin(ming, draw)).spins
    (second,) = (await fair.spin(ming, draw)).spins
    parcels = fair.handlers.parcels
    told = await parcels.address(ming, first.parcel_id, address="小明 138 江南路1号", request_id=key())
    assert told.value.state is ParcelState.ADDRESSED
    clock.advance(3 * DAY)
    assert (await parcels.lapse(), await parcels.lapse()) == (1, 0)
    assert (await Parcel.get(id=second.parcel_id)).state is ParcelState.LAPSED
    assert await fair.left(draw, "kettle") == 1
    last = await DrawCommitment.filter(draw_id=draw).order_by("-number").first()
    assert (last.kind, json.loads(last.document)["change"]) == ("stock", [1, 0])
    sent = await parcels.send(fair.operator, first.parcel_id, waybill="SF1", request_id=key())
    assert (sent.value.state, sent.value.waybill) == (ParcelState.SENT, "SF1")


async def test_what_was_rolled_is_held_against_the_plan(fair, ming):
    draw = await fair.published(points(500_000))
    for _ in range(3):
        await fair.spin(ming, draw, times=10)
    burn = await fair.handlers.draws.burn(fair.operator, draw)
    assert (burn.spins, sum(each.rolled for each in burn.prizes)) == (30, 30)
    assert [each.expected for each in burn.prizes] == [15.0, 15.0]
    assert not burn.is_alarming
    with pytest.raises(DrawUnknown):
        await fair.handlers.draws.burn(fair.operator, (await fair.drafted()).id)


async def test_a_receipt_can_be_checked_for_as_long_as_records_are_kept(fair, ming, clock):
    draw = await fair.published(points(500_000), closes_at=clock.now() + 900 * DAY)
    first = (await fair.spin(ming, draw)).receipt.key_id
    for _ in range(4):
        clock.advance(181 * DAY)
        fair.handlers.spinning._signing = None  # a minute is over
        await fair.spin(ming, draw)
    shown = (await fair.handlers.draw_revealing.fairness(ming, draw)).public_keys
    assert (len(shown), shown[-1].key_id) == (5, first)
