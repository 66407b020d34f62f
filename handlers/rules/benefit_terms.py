"""The terms of each kind of benefit; which class belongs to which kind is said once, in TERMS_OF."""

from dataclasses import dataclass

from models.words import BenefitKind


@dataclass(frozen=True, slots=True)
class VoucherTerms:
    """Redeemed in a store: once, in `uses` uses, or unit by unit (`unit_name`, e.g. 次 or 升)."""

    uses: int = 1
    unit_name: str = "次"
    face_value_fen: int = 0
    stores: tuple[str, ...] = ()  # codes of the merchant's stores that redeem it; none: all of them


@dataclass(frozen=True, slots=True)
class CodeCouponTerms:
    """A code from the pool of this code; `how_to_use` is shown with it."""

    pool: str
    how_to_use: str = ""


@dataclass(frozen=True, slots=True)
class TopUpTerms:
    """Charged to a phone number by a supplier; when it says that it cannot, by the second one, if there is one.

    Suppliers by their codes, `product` and `fallback_product` by their own names for it.
    """

    supplier: str
    product: str
    face_value_fen: int
    fallback_supplier: str | None = None
    fallback_product: str | None = None


@dataclass(frozen=True, slots=True)
class PartnerCouponTerms:
    """生态券: `face_value_fen` off a bill of at least `threshold_fen`; settled on what was deducted."""

    face_value_fen: int
    threshold_fen: int = 0
    stores: tuple[str, ...] = ()  # codes of the merchant's stores that redeem it; none: all of them


@dataclass(frozen=True, slots=True)
class PackagePart:
    """`count` claims of the benefit of this code, in each natural period when `per` is set (day, week, month)."""

    benefit: str
    count: int = 1
    per: str | None = None


@dataclass(frozen=True, slots=True)
class PackageTerms:
    """All parts, or `choose` of them."""

    parts: tuple[PackagePart, ...]
    choose: int | None = None


@dataclass(frozen=True, slots=True)
class PointsBenefitTerms:
    """So many points, which end as the programme's points do."""

    points: int


BenefitTerms = VoucherTerms | CodeCouponTerms | TopUpTerms | PartnerCouponTerms | PackageTerms | PointsBenefitTerms

TERMS_OF: dict[BenefitKind, type[BenefitTerms]] = {
    BenefitKind.VOUCHER: VoucherTerms,
    BenefitKind.CODE_COUPON: CodeCouponTerms,
    BenefitKind.TOP_UP: TopUpTerms,
    BenefitKind.PARTNER_COUPON: PartnerCouponTerms,
    BenefitKind.PACKAGE: PackageTerms,
    BenefitKind.POINTS: PointsBenefitTerms,
}
