"""A draw that is published, and a thing that somebody won in it, as rows."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from handlers.rules.draw_rules import WHOLE, DrawRules, Prize, PrizeKind
from handlers.rules.draw_terms import DrawTerms, stored
from models.draws import Draw, DrawPrize, DrawVersion, Parcel, Spin
from models.identity import Member
from models.ids import new_id
from models.words import DrawState, SpinPaid


async def draw_of(member: Member, organization_id: UUID) -> dict[str, object]:
    """Theirs, and what the member won."""
    now = datetime.now(UTC)
    prizes = (
        Prize("kettle", "水壶", PrizeKind.GOODS, WHOLE, stock=3),
        Prize("thanks", "谢谢参与", PrizeKind.THANKS, 0),
    )
    window = {"opens_at": now - timedelta(days=1), "closes_at": now + timedelta(days=9)}
    terms = stored(DrawTerms(DrawRules("抽奖", prizes=prizes, **window)))
    facts = {"organization_id": organization_id, "code": "northdraw", "state": DrawState.PUBLISHED, "version": 1}
    draw = await Draw.create(**facts, **window, terms=terms, last_sequence=1)
    await DrawVersion.create(draw=draw, number=1, terms=terms, published_at=now)
    await DrawPrize.create(draw=draw, code="kettle", added_count=3, left_count=2, awarded_count=1)
    won = {
        "rolled": "kettle",
        "awarded": "kettle",
        "paid_by": SpinPaid.FREE,
        "row": '[1,0,0,"a","n",0,0,0,0,[0,0],[0,0],"kettle","kettle","as_rolled"]',
        "chain_hash": "0" * 64,
    }
    act = {"sequence": 1, "act_id": new_id(), "day": "2026-03-02", "commitment": 0, "happened_at": now}
    spin = await Spin.create(draw=draw, member=member, **act, **won)
    parcel = await Parcel.create(
        spin=spin, draw=draw, member=member, code="kettle", name="水壶", deadline_at=now + timedelta(days=30)
    )
    return {"draw_id": draw.id, "parcel_id": parcel.id}
