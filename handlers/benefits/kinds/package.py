"""Packages: several benefits under one name, all of them or k of n, some in each natural day, week or month."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from handlers.benefits import code_pools
from handlers.benefits.kinds.base import BenefitRow, DuePart, Fulfilled, NewClaim
from handlers.benefits.kinds.reading import a_code, read, within
from handlers.errors import BenefitNotReady, BenefitTermsInvalid, ChoicesInvalid
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms
from handlers.rules.offer_terms import Period
from handlers.rules.validity import period_key
from models.benefits import Benefit
from models.database import rows
from models.sql import as_uuid
from models.statements import organizations as statements
from models.words import BenefitKind, BenefitState, ClaimState

MOST_PARTS = 20
MOST_OF_ONE = 31
PERIODS = (Period.DAY, Period.WEEK, Period.MONTH)


class Package:
    """The claim of a package stands for the whole; its parts are claims of their own and are what is used."""

    kind = BenefitKind.PACKAGE
    is_redeemed = False
    takes_number = False

    def check_terms(self, terms: PackageTerms) -> None:
        """Raises BenefitTermsInvalid. A benefit is at most one part, so that choices can name parts by it."""
        if not 1 <= len(terms.parts) <= MOST_PARTS:
            raise BenefitTermsInvalid(field="terms.parts", problem="wrong_length", least=1, most=MOST_PARTS)
        seen: set[str] = set()
        for index, part in enumerate(terms.parts):
            name = f"parts[{index}]"
            a_code(f"{name}.benefit", part.benefit)
            within(f"{name}.count", part.count, 1, MOST_OF_ONE)
            if part.per is not None and part.per not in PERIODS:
                raise BenefitTermsInvalid(field=f"terms.{name}.per", problem="not_one_of", known=list(PERIODS))
            if part.benefit in seen:
                raise BenefitTermsInvalid(field=f"terms.{name}.benefit", problem="repeated")
            seen.add(part.benefit)
        if terms.choose is not None:
            within("choose", terms.choose, 1, len(terms.parts))

    def check_choices(self, terms: PackageTerms, choices: Sequence[str]) -> None:
        """Exactly `choose` different parts by their benefits' codes; none where all come. Raises ChoicesInvalid."""
        wanted, known = terms.choose or 0, {part.benefit for part in terms.parts}
        if len(choices) != wanted or len(set(choices)) != wanted or not known.issuperset(choices):
            raise ChoicesInvalid(choose=wanted)

    def uses(self, _: PackageTerms) -> int:
        return 1

    def first_state(self, _: PackageTerms) -> ClaimState:
        return ClaimState.ISSUED

    async def ready(self, terms: PackageTerms, benefit: BenefitRow) -> None:
        """Every part is in the pool, and belongs above, at or below the package's organization.

        No package itself, and no top-up: whoever takes a package's share of a month is not asked for a number.
        Parts are locked in the order of their ids: one that is being retired is seen as such. Raises BenefitNotReady.
        """
        near = [as_uuid(each["id"]) for each in await rows(statements.LINEAGE, benefit.organization_id)]
        wanted = [part.benefit for part in terms.parts]
        found = Benefit.filter(code__in=wanted, organization_id__in=near).order_by("id")
        usable = {
            each.code
            for each in await found.select_for_update(no_key=True)
            if each.state is BenefitState.POOL and each.kind not in {BenefitKind.PACKAGE, BenefitKind.TOP_UP}
        }
        if missing := next((code for code in wanted if code not in usable), None):
            raise BenefitNotReady(missing="part", name=missing)

    async def room(
        self, terms: PackageTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """Parts that need codes need as many as come at once; whoever is refused leaves theirs to the next."""
        pools = await _pools(terms)
        needs = [_needed(terms, choices, pools) for choices in asked]
        total: Counter[str] = sum(needs, Counter())
        left = {pool: await code_pools.hold(pool, total[pool], now=now, promised=promised) for pool in sorted(total)}
        answers = []
        for need in needs:
            fits = all(left[pool] >= count for pool, count in need.items())
            if fits:
                for pool, count in need.items():
                    left[pool] -= count
            answers.append(fits)
        return answers

    async def fulfil(self, terms: PackageTerms, claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """The parts that come with the package at once: what comes once, and this period's share of the others."""
        return Fulfilled(parts=tuple(part for claim in claims for part in due_parts(terms, claim, now)))


async def choosable(terms: PackageTerms, most: int, *, now: datetime) -> int:
    """How many of `most` packages k of n find k parts to choose, whatever the others choose: so many codes are free.

    Nothing is held: they are chosen later.
    """
    pools = await _pools(terms)
    enough = [
        await code_pools.free(pools[part.benefit], most * part.count, now=now) // part.count
        if part.benefit in pools
        else most
        for part in terms.parts
    ]
    return sorted(enough, reverse=True)[(terms.choose or len(enough)) - 1]


def chosen(terms: PackageTerms, choices: Sequence[str]) -> Iterator[tuple[int, PackagePart]]:
    """The parts that are had, with their place in the package."""
    for index, part in enumerate(terms.parts):
        if terms.choose is None or part.benefit in choices:
            yield index, part


def due_parts(terms: PackageTerms, claim: NewClaim, at: datetime) -> Iterator[DuePart]:
    """Everything that a package gives at this moment; asked again in the same period, the same slots.

    What comes once is due always: its slots keep it from coming twice.
    """
    for index, part in chosen(terms, claim.choices):
        period = part_period(claim.id, index, part, at)
        for number in range(1, part.count + 1):
            yield DuePart(claim.id, claim.member_id, part.benefit, part.per, period, number)


def part_period(package_id: UUID, index: int, part: PackagePart, at: datetime) -> str:
    """The slot's period of a part, at most 32 characters: of this package and no other, and of the natural period.

    The last twelve digits of the package's id are random (48 bits), and count within one member and offer only.
    """
    natural = period_key(Period(part.per) if part.per else Period.EVER, at, BUSINESS_ZONE)
    return f"{package_id.hex[-12:]}:{index}:{natural}"


async def _pools(terms: PackageTerms) -> dict[str, str]:
    """The code pools of those parts that draw on one, by the part's benefit."""
    codes = [part.benefit for part in terms.parts]
    found = await Benefit.filter(code__in=codes, kind=BenefitKind.CODE_COUPON).values_list("code", "terms")
    return {code: read(CodeCouponTerms, stored).pool for code, stored in found}


def _needed(terms: PackageTerms, choices: tuple[str, ...], pools: dict[str, str]) -> Counter[str]:
    need: Counter[str] = Counter()
    for _, part in chosen(terms, choices):
        if part.benefit in pools:
            need[pools[part.benefit]] += part.count
    return need
