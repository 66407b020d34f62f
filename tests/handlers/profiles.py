"""Profiles that stand without their owner having told them, as an import or a till leaves them."""

from uuid import UUID

from handlers.membership.member_views import Profile, sealed_profile
from handlers.ports import Vault
from models.identity import Member


async def tell(member_id: UUID, profile: Profile, vault: Vault) -> None:
    """Write it to the member's row, whoever they are."""
    await Member.filter(id=member_id).update(profile_cipher=sealed_profile(profile, member_id, vault))
