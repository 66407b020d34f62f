"""An agreement that an address can name: the programme's with the north, which asks through a channel of its own."""

from datetime import UTC, datetime, timedelta

from models.channels import Channel
from models.co_brands import CoBrand, CoBrandSide
from models.words import CoBrandParty, CoBrandState


async def co_brand_of(programme_id: object, organization_id: object, plan_id: object) -> dict[str, object]:
    """Its id, by the name that addresses use."""
    now = datetime.now(UTC)
    co_brand = await CoBrand.create(
        programme_id=programme_id,
        code="northfair",
        state=CoBrandState.PUBLISHED,
        name="北城联名卡",
        partner_name="北城书展",
        partner_organization_id=organization_id,
        channel=await Channel.get(code="northshop"),
        plan_id=plan_id,
        plan_version=1,
        starts_at=now,
        ends_at=now + timedelta(days=30),
        published_at=now,
    )
    for party in CoBrandParty:
        await CoBrandSide.create(co_brand=co_brand, party=party, code=f"b_north{party.value}")
    return {"co_brand_id": co_brand.id}
