"""A draw that is published, a day of it that is revealed, and a thing that somebody won on it, as rows."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.codec import to_json
from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import WHOLE, DrawRules, Prize, PrizeKind
from handlers.rules.draw_terms import DrawTerms, stored
from handlers.rules.fairness import Commitment, commitment_facts, commitment_hash, genesis, rules_hash, seed_hash
from handlers.simulation.plans import Plan
from handlers.simulation.reporting import report
from handlers.simulation.simulating import simulate
from models.draws import Draw, DrawCommitment, DrawDay, DrawPrize, DrawSimulation, DrawVersion, DuePrize, Parcel, Spin
from models.identity import Member
from models.ids import new_id
from models.operators import Operator
from models.words import DrawState, SpinPaid

PLAN = Plan(expected_spins=10, members=1, virtual_spins=10)
DAY, SEED = "2026-03-02", b"n" * 32
KETTLE = Prize("kettle", "水壶", PrizeKind.GOODS, WHOLE, stock=3)
THANKS = Prize("thanks", "谢谢参与", PrizeKind.THANKS, 0)


async def draw_of(member: Member, organization_id: UUID, offer_id: UUID) -> dict[str, object]:
    """Theirs, and what the member won: a thing, and a benefit that asks something.

    It opens again in some days: until then the worker has nothing to do with it.
    """
    now = datetime.now(UTC)
    window = {"opens_at": now + timedelta(days=9), "closes_at": now + timedelta(days=19)}
    charge = Prize("charge", "话费", PrizeKind.BENEFIT, 0, reference=str(offer_id))
    rules = DrawRules("抽奖", prizes=(KETTLE, charge, THANKS), **window)
    terms = stored(DrawTerms(rules))
    facts = {"organization_id": organization_id, "code": "northdraw", "state": DrawState.PUBLISHED, "version": 1}
    draw = await Draw.create(**facts, **window, terms=terms, last_sequence=2)
    await DrawVersion.create(draw=draw, number=1, terms=terms, published_at=now)
    await DrawPrize.create(draw=draw, code="kettle", added_count=3, left_count=2, awarded_count=1)
    await DrawPrize.create(draw=draw, code="charge", awarded_count=1)
    await promised(draw, rules, now)
    theirs = {"draw": draw, "member": member, "deadline_at": now + timedelta(days=30)}
    thing, benefit = [await spun(draw, member, number, prize, now) for number, prize in ((1, KETTLE), (2, charge))]
    parcel = await Parcel.create(spin=thing, code="kettle", name="水壶", **theirs)
    prize = await DuePrize.create(spin=benefit, code="charge", name="话费", offer_id=offer_id, **theirs)
    by = await Operator.filter(organization_id=organization_id).first()
    told = to_json(report(simulate(rules, PLAN, ZoneInfo("Asia/Shanghai"))))
    simulated = {"operator": by, "rules_hash": rules_hash(rules), "plan": to_json(PLAN), "report": told}
    simulation = await DrawSimulation.create(draw=draw, **simulated)
    return {"draw_id": draw.id, "parcel_id": parcel.id, "prize_id": prize.id, "simulation_id": simulation.id}


async def spun(draw: Draw, member: Member, sequence: int, prize: Prize, now: datetime) -> Spin:
    """A spin that won this."""
    won = {
        "rolled": prize.code,
        "awarded": prize.code,
        "paid_by": SpinPaid.FREE,
        "row": f'[{sequence},0,0,"a","n",0,0,0,0,[0,0,0],[0,0,0],"{prize.code}","{prize.code}","as_rolled"]',
        "chain_hash": "0" * 64,
    }
    act = {"sequence": sequence, "act_id": new_id(), "day": DAY, "commitment": 0, "happened_at": now}
    return await Spin.create(draw=draw, member=member, **act, **won)


async def promised(draw: Draw, rules: DrawRules, now: datetime) -> None:
    """The seed of the day, revealed since, and the promise that it was opened with."""
    mark = seed_hash(SEED)
    seen = {"seed_hash": mark, "committed_at": now, "revealed_at": now, "seed": SEED.hex()}
    await DrawDay.create(draw=draw, day=DAY, seed_cipher="", **seen)
    made = Commitment(
        draw=str(draw.id), number=0, kind="open", sequence=1, at=0, day=DAY, day_begins=0, day_ends=1, seed_hash=mark,
        version=1, rules_hash=rules_hash(rules), stock=(3, None, None), change=(0, 0, 0),
        previous=genesis(str(draw.id)),
    )  # fmt: skip
    facts = {"number": 0, "day": DAY, "sequence": 1, "kind": "open", "committed_at": now}
    document = canonical(commitment_facts(made)).decode()
    await DrawCommitment.create(draw=draw, document=document, hash=commitment_hash(made), **facts)
    await Draw.filter(id=draw.id).update(day=DAY, commitment_count=1, commitment_hash=commitment_hash(made))
