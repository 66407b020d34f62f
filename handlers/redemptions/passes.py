"""核销码: what a member shows at the counter for one claim. 128 random bits, for one redemption within a minute."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Person
from handlers.claims.typed_codes import shown, typed_code
from handlers.errors import BenefitPaused, ClaimUnknown, NotAMember, PassUnavailable
from handlers.ports import Clock, PassStore, Randomness, Vault
from handlers.retrying import refusing
from handlers.rules.claim_states import USABLE, stands
from handlers.rules.redemption import REDEEMABLE
from handlers.standing import canonical, ids_of
from models.benefits import OfferVersion
from models.claims import Claim
from models.database import row
from models.statements import redemptions as statements

LASTS = timedelta(seconds=60)
REMEMBERED = timedelta(minutes=10)  # so that one that ran out or was used is told from a guess
CHARACTERS = 22  # of base64url: 132 bits, of which a scan needs 128


@dataclass(frozen=True, slots=True)
class Pass:
    """A fresh pass; the token is shown once and kept only as its hash. `code` is typed where there is no camera."""

    token: str = field(repr=False)
    expires_at: datetime
    code: str | None = field(default=None, repr=False)


@refusing
class Passes:
    """Makes passes."""

    def __init__(self, clock: Clock, randomness: Randomness, vault: Vault, store: PassStore) -> None:
        self._clock = clock
        self._randomness = randomness
        self._vault = vault
        self._store = store

    async def show(self, person: Person, claim_id: UUID) -> Pass:
        """A new pass; an earlier one ends when its minute is over. The typed code is there where the offer allows it.

        Raises NotAMember, ClaimUnknown, PassUnavailable, BenefitPaused (what the counter would say), Overloaded (no
        Redis).
        """
        if not person.is_member:
            raise NotAMember
        claim = await Claim.get_or_none(id=claim_id).prefetch_related("benefit")
        owner_id: UUID | None = claim.member_id if claim else None  # type: ignore[attr-defined]
        if claim is None or owner_id not in await ids_of(await canonical(person.member_id)):
            raise ClaimUnknown
        now = self._clock.now()
        if stands(claim.state, claim.expires_at, now) not in USABLE or claim.benefit.kind not in REDEEMABLE:
            raise PassUnavailable
        if await row(statements.PAUSED, claim_id):
            raise BenefitPaused
        token = self._randomness.token()[:CHARACTERS]
        expires_at = now + LASTS
        await self._store.keep(pass_hash(token), str(claim.id), expires_at=expires_at, lasting=REMEMBERED)
        return Pass(token, expires_at, await self._code(claim))

    async def _code(self, claim: Claim) -> str | None:
        offer_id: UUID = claim.offer_id  # type: ignore[attr-defined]
        version = await OfferVersion.get_or_none(offer_id=offer_id, number=claim.offer_version)
        if version is None or not version.terms.get("shows_typed_code", True):
            return None
        return shown(typed_code(self._vault, claim.id, claim.code_version))


def pass_hash(token: str) -> str:
    """How a pass is stored, and named in the record of attempts."""
    return hashlib.sha256(f"pass {token}".encode()).hexdigest()
