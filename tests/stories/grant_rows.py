"""A list of the north and a claim to be given again, both waiting for a second operator: foreign to all others."""

from models.grants import GrantBatch, GrantRow
from models.identity import Member
from models.operators import Approval
from models.words import GrantKind, GrantRowState, GrantState


async def grant_of(member: Member, facts: dict[str, object]) -> dict[str, object]:
    """One row of it means the member."""
    place, operator = facts["organization_id"], facts["operator_id"]
    grant = await GrantBatch.create(
        kind=GrantKind.GRANT,
        offer_id=facts["offer_id"],
        organization_id=place,
        state=GrantState.PROPOSED,
        reason="回馈",
        row_count=1,
        made_by_kind="operator",
        made_by_id=str(operator),
    )
    await GrantRow.create(grant=grant, row_number=1, member=member, state=GrantRowState.WAITING)
    wish = {"reason": "没用上", "days": None, "is_told": False}
    for kind, subject, asked in (("grant", grant.id, {}), ("regrant", facts["claim_id"], wish)):
        about = {"kind": kind, "subject_id": str(subject), "facts": asked}
        await Approval.create(organization_id=place, proposed_by_id=operator, **about)
    return {"grant_id": grant.id}
