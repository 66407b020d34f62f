"""Pools of a third party's codes: each code is given to one claim, by one guarded statement, for good.

The functions work inside the claim's own transaction, so that a code is given exactly when the claim is there.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from handlers.key_rotation import POOL_CODE
from handlers.ports import Vault
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.sql import as_uuid
from models.statements import code_pools as statements

PIN_MARK = "\t"  # between a code and its password, within the cipher


async def hold(pool_code: str, count: int, *, now: datetime, promised: bool = False) -> int:
    """How many of `count` codes the open transaction can have; on PostgreSQL they are locked for it until it ends.

    For whoever decides before claims are written: `assign` misses none of so many afterwards. `promised`: what others
    hold at this moment counts as missing only once they have given it away. Raises NotInTransaction,
    SerializationConflict.
    """
    require_atomic()
    held = len(await rows(statements.HOLD, pool_code, now, count)) if count else 0
    if promised and held < count and len(await rows(statements.FREE, pool_code, now, count)) == count:
        raise SerializationConflict("somebody else holds codes that they may leave")
    return held


async def free(pool_code: str, most: int, *, now: datetime) -> int:
    """How many of `most` codes nobody has, whoever holds them at this moment. For whoever gives none away."""
    return len(await rows(statements.FREE, pool_code, now, most)) if most else 0


async def assign(pool_code: str, claim_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, UUID]:
    """A free code for each claim, in this order and in that in which codes came in: its id, by the claim's.

    Who got none is missing: the pool is empty, unknown, or its codes have run out at the third party. A claim that has
    a code keeps it. The claims must have been written. Raises NotInTransaction.
    """
    require_atomic()
    if not claim_ids:
        return {}
    fresh = await rows(statements.ASSIGN, pool_code, claim_ids, now)
    given = {as_uuid(each["claim_id"]): as_uuid(each["id"]) for each in fresh}
    if len(given) < len(claim_ids):
        without = [claim_id for claim_id in claim_ids if claim_id not in given]
        held = await rows(statements.GIVEN, without)
        given |= {as_uuid(each["claim_id"]): as_uuid(each["id"]) for each in held}
    return given


async def reveal(vault: Vault, claim_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The codes of these claims as their members read them; claims without one are missing.

    Whose the claims are is for the caller to know. Raises VaultError.
    """
    if not claim_ids:
        return {}
    found = await rows(statements.REVEAL, claim_ids)
    return {as_uuid(each["claim_id"]): _opened(vault, as_uuid(each["id"]), each["code_cipher"]) for each in found}


def _opened(vault: Vault, code_id: UUID, cipher: str) -> str:
    code, _, pin = vault.decrypt(cipher, bound_to=POOL_CODE.bound_to(code_id)).partition(PIN_MARK)
    return f"{code} 密码 {pin}" if pin else code
