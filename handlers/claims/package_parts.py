"""What a package gives later: its share of each natural period, fetched by the member when they want it."""

from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.benefits.kinds import NewClaim
from handlers.benefits.kinds.package import due_parts
from handlers.claims.claims import Draft
from handlers.claims.issuing import add_parts
from handlers.claims.wishes import Claimed
from handlers.errors import ClaimUnknown, OfferPaused, PackageNothingDue
from handlers.offers.offers import benefit_terms
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.benefit_terms import PackageTerms
from handlers.rules.claim_states import USABLE, stands
from handlers.standing import standing
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import claims as statements
from models.words import ClaimSource, ClaimState


@refusing
class PackageParts:
    """Gives each part once, however often it is asked for: the slots know."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone

    async def claim(self, person: Person, package_id: UUID, *, request_id: str) -> Answer[Claimed]:
        """Everything that the package gives now and has not given yet; what was chosen at first stays chosen.

        Raises ClaimUnknown, PackageNothingDue, OfferPaused, OfferSoldOut (its codes), NotSignedIn, MemberFrozen,
        KeyReused.
        """

        async def effect() -> Claimed:
            now = self._clock.now()
            member_id = await standing(person.member_id)
            found = await rows(statements.CLAIM, member_id, package_id)
            own = next((each for each in found if as_uuid(each["id"]) == package_id), None)
            terms = benefit_terms(own["kind"], own["terms"]) if own else None
            if own is None:
                raise ClaimUnknown
            if not isinstance(terms, PackageTerms):
                raise PackageNothingDue
            expires_at = as_instant(own["expires_at"]) if own["expires_at"] else None
            if own["is_paused"]:
                raise OfferPaused(title=own["name"])
            if stands(ClaimState(own["state"]), expires_at, now) not in USABLE:
                raise PackageNothingDue
            package = Draft(
                id=package_id,
                member_id=as_uuid(own["member_id"]),
                offer_id=as_uuid(own["offer_id"]),
                offer_version=int(own["offer_version"]),
                benefit_id=as_uuid(own["benefit_id"]),
                source=ClaimSource(own["source"]),
                state=ClaimState(own["state"]),
                uses=int(own["uses_total"]),
                expires_at=expires_at,
                actor=person,
            )
            choices = tuple(sorted({each["code"] for each in found if each is not own}))
            due = tuple(due_parts(terms, NewClaim(package_id, package.member_id, choices), now))
            periods = sorted({part.period for part in due})
            had = await rows(statements.HAD, package.offer_id, periods, package.member_id)
            taken = {(each["period"], int(each["number"])) for each in had}
            left = [part for part in due if (part.period, part.number) not in taken]
            if not left:
                raise PackageNothingDue
            issued = await add_parts({package_id: package}, left, at=now, zone=self._zone, vault=self._vault)
            return Claimed(tuple(issued[package_id]))

        return await once(person, "claim_parts", request_id, facts=str(package_id), result=Claimed, effect=effect)
