"""Rows of a promoter that an address can name: of the north, waiting for a decision."""

from datetime import UTC, datetime

from models.distribution import Promoter


async def promoter_of(member_id: object) -> dict[str, object]:
    """The id, by the name that addresses use."""
    promoter = await Promoter.create(member_id=member_id, applied_at=datetime.now(UTC))
    return {"promoter_id": promoter.id}
