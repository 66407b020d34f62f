"""What `doctor` says of draws: each rule is shown to see its culprit, whoever got past the database's own guards."""

import json

import pytest

from handlers.draws import held
from handlers.draws.draw_proofs import WORDS, differing_draws
from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import WHOLE, Prize, PrizeKind, SpinPrice
from handlers.rules.fairness import chain_hash, commitment_facts, commitment_hash, commitment_of
from models.database import atomic, dialect, rows, script
from models.draws import Draw, DrawCommitment, DrawVersion, DuePrize, Parcel, Spin
from models.statements.invariants_draws import RULES
from tests.handlers.asking import charge, say
from tests.handlers.drawing import DAY, fair_of, goods, holds, points
from tests.handlers.ledgers import breaches

APPEND_ONLY = ("spin", "draw_version", "draw_commitment", "draw_stock_change", "transfer")


async def unguarded() -> None:
    """As for somebody who may do anything to the database."""
    for table in APPEND_ONLY:
        if dialect() == "postgres":
            await script(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            await script(f"DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete")
    for table in ("parcel", "due_prize"):
        if dialect() == "postgres":
            await script(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            await script(f"DROP TRIGGER {table}_no_change; DROP TRIGGER {table}_no_delete")


@pytest.fixture
async def fair(far, clock):
    """A draw with every kind of prize and every way to pay, over two days and a stock that grew; then nothing holds
    anybody back any more."""
    fair = await fair_of(far)
    ming = await far.member("o-ming")
    prizes = (
        await fair.voucher(100_000, stock=50),
        await charge(fair, 100_000, stock=50),
        goods(100_000, stock=50, daily=3),
        points(200_000),
        Prize("again", "再来1次", PrizeKind.CHANCES, 200_000, amount=1, value_fen=1),
        Prize("growth", "成长值", PrizeKind.GROWTH, 200_000, amount=5, value_fen=1),
    )
    draw = await fair.published(*prizes, price=SpinPrice(free_daily=2, points=1))
    await fair.chances(ming, draw, 3)
    await fair.earn(ming, 100)
    won: set[str] = set()
    while not won >= {prize.code for prize in prizes}:
        won |= {each.prize for each in (await fair.spin(ming, draw, times=10)).spins}
    await say(fair, ming, (await DuePrize.all().order_by("id").first()).id)
    clock.advance(DAY)
    await fair.earn(ming, 100)
    await fair.spin(ming, draw, times=10)
    await holds(fair)
    await unguarded()
    return fair


PLANTED = {
    "抽奖的序号从1起连续，到抽奖所写的末号为止": "UPDATE draw SET last_sequence = last_sequence + 1",
    "抽奖的承诺从0起连续，到抽奖所写的个数为止": "UPDATE draw SET commitment_count = commitment_count + 1",
    "奖品：投放加退回等于剩余加抽走": "UPDATE draw_prize SET left_count = left_count + 1 WHERE code = 'kettle'",
    "奖品：投放等于历次增减之和": "UPDATE draw_stock_change SET delta = delta + 1 WHERE code = 'kettle'",
    "奖品：抽走等于抽中它的次数，当天的也是": "UPDATE draw_prize SET day_count = day_count + 1 WHERE code = 'points'",
    "奖品：退回等于逾期没有填地址或没有领的": "UPDATE draw_prize SET added_count = added_count - 1,"
    " returned_count = returned_count + 1 WHERE code = 'kettle'",
    "抽中权益的都有领取或待领，只有一样，别的没有": "UPDATE spin SET claim_id = NULL WHERE awarded = 'wash'",
    "待领的奖品：领了的有一份自己的领取，没领的没有": "UPDATE due_prize SET state = 'waiting' WHERE state = 'taken'",
    "来自抽奖的领取都是抽中的，每次抽中只有一份；没有充上的不算": "UPDATE due_prize SET claim_id = NULL",
    "抽中实物的都有包裹，别的没有": "DELETE FROM parcel",
    "抽中积分、次数、成长值的都有流水，别的没有": "UPDATE transfer SET amount = amount + 1"
    " WHERE cause_kind = 'spin_won'",
    "每次抽奖付的次数和积分等于它的流水": "UPDATE spin SET points = points + 1 WHERE paid_by = 'points'",
    "抽奖的流水都属于一次抽奖": "UPDATE transfer SET cause_id = 'x' || cause_id WHERE cause_kind = 'spin' AND leg = 0",
    "每位会员的抽奖次数等于他的抽奖记录": "UPDATE draw_player SET spins = spins + 1",
}


def test_every_rule_has_a_breach_to_find():
    assert list(PLANTED) == [what for what, _ in RULES]


class Undo(Exception):
    """Nothing of what was planted stays."""


async def found_after(plant, look):
    with pytest.raises(Undo):
        async with atomic():
            await plant()
            found = await look()
            raise Undo
    return found


async def test_each_planted_breach_is_found_by_its_rule(fair):
    missed = []
    for what, change in PLANTED.items():
        if what not in await found_after(lambda change=change: rows(change), breaches):
            missed.append(what)
    assert (missed, await breaches()) == ([], [])


async def test_each_forgery_is_found_and_told_where(fair, far):
    """By whoever may write what they like, and takes care that the sums add up."""
    other = await far.member("o-hong")
    last = await Spin.all().order_by("-sequence").first()

    async def row_with(place: int, value: object) -> None:
        """The last row says something else, and its chain says so too."""
        said = [*json.loads(last.row)]
        said[place] = value
        text = canonical(said).decode()
        before = await Spin.get(sequence=last.sequence - 1)
        chain = chain_hash(before.chain_hash, text.encode())
        columns = {"rolled": said[11], "awarded": said[12], "commitment": said[1]}
        await Spin.filter(id=last.id).update(row=text, chain_hash=chain, **columns)
        await Draw.all().update(chain_hash=chain)

    async def last_promise(**changes: object) -> None:
        """The last promise says something else, and its hash says so too."""
        made = await DrawCommitment.all().order_by("-number").first()
        said = commitment_of({**json.loads(made.document), **changes})
        document, digest = canonical(commitment_facts(said)).decode(), commitment_hash(said)
        await DrawCommitment.filter(id=made.id).update(document=document, hash=digest)
        await Draw.all().update(commitment_hash=digest)

    async def kinder_rules() -> None:
        version = await DrawVersion.get()
        version.terms["rules"]["prizes"][0]["value_fen"] += 1
        await DrawVersion.all().update(terms=version.terms)
        held._versions.clear()

    async def missing_row() -> None:
        await Parcel.all().delete()
        await DuePrize.all().delete()
        await Spin.filter(sequence=last.sequence - 1).delete()

    rolled, other_prize = json.loads(last.row)[5], "growth" if last.awarded != "growth" else "points"
    stock = json.loads((await DrawCommitment.all().order_by("-number").first()).document)["stock"]
    forgeries = {
        "document": lambda: rows("UPDATE draw_commitment SET document = document || ' ' WHERE number = 1"),
        "order": lambda: last_promise(previous="0" * 64),
        "rules": kinder_rules,
        "stock": lambda: last_promise(stock=[stock[0], stock[1] + 1, *stock[2:]]),
        "row": lambda: rows("UPDATE spin SET row = row || ' ' WHERE sequence = 2"),
        "sequence": missing_row,
        "chain": lambda: rows("UPDATE spin SET chain_hash = 'x' WHERE sequence = 2"),
        "promise": lambda: rows("DELETE FROM draw_commitment WHERE number = 1"),
        "time": lambda: row_with(2, 0),
        "roll": lambda: row_with(5, (rolled + 1) % WHOLE),
        "prize": lambda: row_with(12, other_prize),
        "columns": lambda: rows("UPDATE spin SET awarded = 'x' WHERE sequence = 2"),
        "member": lambda: Spin.filter(id=last.id).update(member_id=other.member_id),
        "end": lambda: Draw.all().update(chain_hash="x"),
    }
    told = {}
    for what, plant in forgeries.items():
        try:
            (told[what],) = await found_after(plant, lambda: differing_draws(fair.rooms.vault))
        finally:
            held._versions.clear()
    assert {what: said.endswith(WORDS[what]) for what, said in told.items()} == dict.fromkeys(WORDS, True)
    assert f"第{last.sequence}次：" in told["roll"]
    await holds(fair)
