"""Top-ups for tests: suppliers as rows, and offers of what they charge."""

from handlers.key_rotation import SUPPLIER_SECRET
from handlers.rules.benefit_terms import TopUpTerms
from models.database import rows
from models.fulfillments import Fulfillment, Supplier
from models.ids import new_id
from models.organizations import Organization
from models.statements import invariants
from models.words import BenefitKind
from tests.handlers.claimable import Offering, a_benefit, an_offer

NUMBER = "13912345670"
SECRET = "between-us-and-the-supplier"


async def a_supplier(rooms, code: str = "easycharge", *, secret: str = SECRET, **more) -> Supplier:
    supplier_id, root = new_id(), await Organization.get(parent_id=None)
    cipher = rooms.vault.encrypt(secret, bound_to=SUPPLIER_SECRET.bound_to(supplier_id))
    facts = {"name": "易充", "api_url": "http://127.0.0.1:9", **more}
    return await Supplier.create(id=supplier_id, organization=root, code=code, secret_cipher=cipher, **facts)


async def a_top_up(rooms, *, fallback: str | None = None, **terms) -> Offering:
    """An offer of ten yuan; its suppliers are there already."""
    second = {"fallback_supplier": fallback, "fallback_product": "TEN"} if fallback else {}
    charged = TopUpTerms("easycharge", "MOBILE-10", 1_000, **second)
    benefit = await a_benefit("话费10元", BenefitKind.TOP_UP, charged, merchant=None)
    return await an_offer(rooms.clock.now(), benefit=benefit, **terms)


async def order_of(claim_id) -> Fulfillment:
    """The last one."""
    return await Fulfillment.filter(claim_id=claim_id).order_by("-ordinal").first()


async def holds() -> None:
    """Every rule of the doctor."""
    for check in invariants.CHECKS:
        assert not await rows(check.sql), check.what
