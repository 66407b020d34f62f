"""Seeds: 32 bytes of the system's randomness per draw and business day, encrypted until they are revealed."""

import secrets
from datetime import datetime
from uuid import UUID

from handlers.key_rotation import DRAW_SEED
from handlers.ports import Vault
from handlers.rules.fairness import SEED_BYTES, seed_hash
from models.database import require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid
from models.statements import draws as statements

REMEMBERED = 200


class Seeds:
    """Makes seeds and reads them for whoever spins; nobody else has a use for one before its day is over."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[tuple[UUID, str], bytes] = {}

    async def keep(self, draw_id: UUID, day: str, *, at: datetime) -> None:
        """Inside the open transaction, the seed of a day with its public hash; the one that is there stays."""
        require_atomic()
        seed, row_id = secrets.token_bytes(SEED_BYTES), new_id()
        cipher = self._vault.encrypt(seed.hex(), bound_to=DRAW_SEED.bound_to(row_id))
        await rows(statements.KEEP_DAY, row_id, at, draw_id, day, cipher, seed_hash(seed))

    async def of(self, draw_id: UUID, day: str) -> bytes:
        """The seed of a day that was kept. Raises VaultError, SerializationConflict (nobody has kept it)."""
        known = self._known.get((draw_id, day))
        if known is None:
            found = await row(statements.DAY, draw_id, day)
            if found is None:
                raise SerializationConflict("the seed of the day is not there")
            text = found["seed"] or self._vault.decrypt(
                found["seed_cipher"], bound_to=DRAW_SEED.bound_to(as_uuid(found["id"]))
            )
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[draw_id, day] = bytes.fromhex(text)
        return known
