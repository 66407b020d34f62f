"""完善资料: everything that a profile can tell is told."""

from collections.abc import Sequence

import orjson

from handlers.identity.merging import profile_bound_to
from handlers.ports import VaultError
from handlers.rules.tasks import TaskTerms
from handlers.tasks.kinds.base import Doer
from models.identity import Member

FIELDS = ("nickname", "birthday", "gender")


class CompleteProfile:
    """Read from the encrypted profile of the member as it stands now."""

    async def done(self, doer: Doer, terms: TaskTerms) -> Sequence[str]:
        """A profile that cannot be read any more is none."""
        cipher = (await Member.get(id=doer.member_id)).profile_cipher
        try:
            plain = doer.vault.decrypt(cipher, bound_to=profile_bound_to(doer.member_id)) if cipher else "{}"
        except VaultError:
            return ()
        told = orjson.loads(plain)
        return ("",) if all(told.get(name) for name in FIELDS) else ()
