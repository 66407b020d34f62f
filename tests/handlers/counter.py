"""A merchant with two stores, its clerks, and claims on what it gives: rows of the counter's tests."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from handlers.actors import Clerk, Person
from handlers.claims.typed_codes import code_hash, typed_code
from handlers.codec import to_json
from handlers.redemptions.counter import Scan
from handlers.rules.benefit_terms import BenefitTerms, VoucherTerms
from handlers.rules.offer_terms import OfferTerms
from models.benefits import Benefit, Offer, OfferVersion
from models.claims import Claim, ClaimEvent
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.redemptions import Clerk as ClerkRow
from models.words import BenefitKind, BenefitState, ClaimSource, ClaimState, ClerkRole, OfferState


@dataclass
class Counter:
    """One merchant's counter. `lake` and `hill` are its stores."""

    rooms: object
    merchant: Merchant
    lake: Store
    hill: Store
    clerk: Clerk  # in the lake store
    manager: Clerk  # in all stores

    @property
    def handlers(self):
        return self.rooms.handlers

    async def clerk_in(
        self, person: Person, *, merchant: Merchant | None = None, store: Store | None = None, role=ClerkRole.CLERK
    ) -> Clerk:
        """A clerk by rows."""
        merchant = merchant or self.merchant
        made = await ClerkRow.create(
            member_id=person.member_id, merchant=merchant, store=store, role=role, name=f"店员{role}"
        )
        return Clerk(made.id, person.member_id, merchant.id, store.id if store else None, role, made.name)

    async def claim(
        self,
        person: Person,
        *,
        kind: BenefitKind = BenefitKind.VOUCHER,
        terms: BenefitTerms | None = None,
        uses: int = 1,
        price_fen: int = 1000,
        share_bp: int = 7000,
        merchant: Merchant | None = None,
        shows_typed_code: bool = True,
        **fields: object,
    ) -> Claim:
        """A claim of a benefit of its own, by rows."""
        mark, root = new_id().hex[-12:], await Organization.get(parent=None)
        benefit = await Benefit.create(
            organization=root,
            merchant=merchant or self.merchant,
            code=f"b{mark}",
            name="咖啡一杯",
            kind=kind,
            state=BenefitState.POOL,
            terms=to_json(terms or VoucherTerms(uses=uses)),
            settlement_price_fen=price_fen,
            operator_share_bp=share_bp,
        )
        offer = await Offer.create(
            benefit=benefit, organization=root, code=f"o{mark}", state=OfferState.PUBLISHED, version=1
        )
        now = self.rooms.clock.now()
        told = to_json(OfferTerms(shows_typed_code=shows_typed_code))
        await OfferVersion.create(offer=offer, number=1, terms=told, published_at=now)
        claim_id, vault = new_id(), self.rooms.vault
        facts = {
            "state": ClaimState.ISSUED,
            "uses_total": uses,
            "uses_left": uses,
            "claimed_at": now,
            "valid_from": now - timedelta(seconds=1),
            "source": ClaimSource.GRANT,
        }
        made = await Claim.create(
            id=claim_id,
            member_id=person.member_id,
            offer=offer,
            offer_version=1,
            benefit=benefit,
            code_hash=code_hash(vault, typed_code(vault, claim_id, 0)),
            **{**facts, **fields},
        )
        await ClaimEvent.create(claim=made, from_state="", to_state=made.state, reason="granted", happened_at=now)
        return made

    def typed(self, claim: Claim, uses: int = 1) -> Scan:
        return Scan(code=typed_code(self.rooms.vault, claim.id, 0), uses=uses)

    async def redeem(self, *scans: Scan, by: Clerk | None = None, device: str = "d1", key: str | None = None, **more):
        """One call with a key of its own."""
        return await self.handlers.redemptions.redeem(
            by or self.clerk, scans, device_id=device, request_id=key or str(new_id()), **more
        )

    async def reverse(self, redemption_id: UUID, *, by: Clerk | None = None, device: str | None = "d1", key=None):
        return await self.handlers.reversals.reverse(
            by or self.clerk, redemption_id, reason="拿错了", device_id=device, request_id=key or str(new_id())
        )


async def open_counter(rooms) -> Counter:
    """With a clerk and a manager."""
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    lake = await Store.create(merchant=merchant, code="S1", name="湖滨店")
    hill = await Store.create(merchant=merchant, code="S2", name="山上店")
    counter = Counter(rooms, merchant, lake, hill, None, None)
    counter.clerk = await counter.clerk_in(await rooms.member("o-clerk"), store=lake)
    counter.manager = await counter.clerk_in(await rooms.member("o-manager"), role=ClerkRole.MANAGER)
    return counter
