"""A draw that is published, a day of it that is revealed, and a thing that somebody won on it, as rows."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import WHOLE, DrawRules, Prize, PrizeKind
from handlers.rules.draw_terms import DrawTerms, stored
from handlers.rules.fairness import Commitment, commitment_facts, commitment_hash, genesis, rules_hash, seed_hash
from models.draws import Draw, DrawCommitment, DrawDay, DrawPrize, DrawVersion, Parcel, Spin
from models.identity import Member
from models.ids import new_id
from models.words import DrawState, SpinPaid

DAY, SEED = "2026-03-02", b"n" * 32
PRIZES = (
    Prize("kettle", "水壶", PrizeKind.GOODS, WHOLE, stock=3),
    Prize("thanks", "谢谢参与", PrizeKind.THANKS, 0),
)


async def draw_of(member: Member, organization_id: UUID) -> dict[str, object]:
    """Theirs, and what the member won. It opens again in some days: until then the worker has nothing to do with it."""
    now = datetime.now(UTC)
    window = {"opens_at": now + timedelta(days=9), "closes_at": now + timedelta(days=19)}
    rules = DrawRules("抽奖", prizes=PRIZES, **window)
    terms = stored(DrawTerms(rules))
    facts = {"organization_id": organization_id, "code": "northdraw", "state": DrawState.PUBLISHED, "version": 1}
    draw = await Draw.create(**facts, **window, terms=terms, last_sequence=1)
    await DrawVersion.create(draw=draw, number=1, terms=terms, published_at=now)
    await DrawPrize.create(draw=draw, code="kettle", added_count=3, left_count=2, awarded_count=1)
    await promised(draw, rules, now)
    won = {
        "rolled": "kettle",
        "awarded": "kettle",
        "paid_by": SpinPaid.FREE,
        "row": '[1,0,0,"a","n",0,0,0,0,[0,0],[0,0],"kettle","kettle","as_rolled"]',
        "chain_hash": "0" * 64,
    }
    act = {"sequence": 1, "act_id": new_id(), "day": DAY, "commitment": 0, "happened_at": now}
    spin = await Spin.create(draw=draw, member=member, **act, **won)
    parcel = await Parcel.create(
        spin=spin, draw=draw, member=member, code="kettle", name="水壶", deadline_at=now + timedelta(days=30)
    )
    return {"draw_id": draw.id, "parcel_id": parcel.id}


async def promised(draw: Draw, rules: DrawRules, now: datetime) -> None:
    """The seed of the day, revealed since, and the promise that it was opened with."""
    mark = seed_hash(SEED)
    seen = {"seed_hash": mark, "committed_at": now, "revealed_at": now, "seed": SEED.hex()}
    await DrawDay.create(draw=draw, day=DAY, seed_cipher="", **seen)
    made = Commitment(
        draw=str(draw.id), number=0, kind="open", sequence=1, at=0, day=DAY, day_begins=0, day_ends=1, seed_hash=mark,
        version=1, rules_hash=rules_hash(rules), stock=(3, None), change=(0, 0), previous=genesis(str(draw.id)),
    )  # fmt: skip
    facts = {"number": 0, "day": DAY, "sequence": 1, "kind": "open", "committed_at": now}
    document = canonical(commitment_facts(made)).decode()
    await DrawCommitment.create(draw=draw, document=document, hash=commitment_hash(made), **facts)
    await Draw.filter(id=draw.id).update(day=DAY, commitment_count=1, commitment_hash=commitment_hash(made))
