"""What lies on the counter: scanned codes turned into claims, their rows locked, each with what speaks against it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.claims.typed_codes import code_hash, normalise
from handlers.codec import from_json
from handlers.errors import ClerkNotSignedIn, StoreNeeded, StoreUnknown
from handlers.ports import PassStore, Vault
from handlers.redemptions.passes import pass_hash
from handlers.redemptions.visits import Visit
from handlers.rules.benefit_terms import TERMS_OF
from handlers.rules.redemption import CONFIRM_LASTS, Presented, Reason, deduction_fen, honours, why_not
from handlers.rules.store_hours import Span, is_served
from handlers.standing import canonical
from models.database import row, rows
from models.sql import Both, as_instant, as_uuid, load_json
from models.statements import redemptions as statements
from models.words import BenefitKind, ClaimState, MemberStatus


@dataclass(frozen=True, slots=True)
class Scan:
    """What a clerk scanned or typed: a pass, a typed code, or a claim: of a preview (in chat), or of a `visit`."""

    token: str | None = None
    code: str | None = None
    claim_id: UUID | None = None
    uses: int = 1
    visit: str | None = None  # the token that identifying the claim's owner gave


@dataclass(frozen=True, slots=True)
class Sought:
    """A scan as it is looked up. `hashed` is how the record names it; `is_taken`: another scan has this pass."""

    scan: Scan
    hashed: str
    pass_hash: str | None = None
    claim_id: UUID | None = None
    code_hash: str | None = None
    is_taken: bool = False
    is_over: bool = False  # a pass or a visit of ours whose time is over: no guess
    visit: Visit | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """The store in which something is redeemed."""

    id: UUID
    code: str
    name: str
    hours: tuple[Span, ...] = ()  # none: not told, and never in the way
    zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Laid:
    """One claim on the counter, with its row, and the reason against it, if any."""

    index: int  # of the first of the codes that show it
    sought: Sought
    found: Mapping[str, Any] | None
    shown: Presented | None
    against: Reason | None

    @property
    def claim_id(self) -> UUID | None:
        """The claim, where there is one of this merchant."""
        return as_uuid(self.found["id"]) if self.found and self.against is not Reason.INVALID else None


async def resolve(
    scans: Sequence[Scan], *, vault: Vault, passes: PassStore, now: datetime, holder: str | None
) -> tuple[Sought, ...]:
    """Look passes up; with a `holder` they are taken by it. Raises Overloaded (no Redis, and a pass among them)."""
    return tuple([await _sought(scan, vault, passes, now, holder) for scan in scans])


async def _sought(scan: Scan, vault: Vault, passes: PassStore, now: datetime, holder: str | None) -> Sought:
    if scan.claim_id is not None:
        hashed, visit = vault.blind_index("scan", str(scan.claim_id)), Visit(scan.visit, vault) if scan.visit else None
        return Sought(scan, hashed, claim_id=scan.claim_id, visit=visit, is_over=bool(visit and visit.is_over(now)))
    if scan.token is None:
        code = normalise(scan.code or "")
        hashed = code_hash(vault, code) if code else vault.blind_index("scan", scan.code or "")
        return Sought(scan, hashed, code_hash=hashed if code else None)
    hashed = pass_hash(scan.token)
    found = await (passes.take(hashed, holder) if holder else passes.look(hashed))
    if found is None:
        return Sought(scan, hashed)
    if found.expires_at <= now and not found.is_taken:
        return Sought(scan, hashed, pass_hash=hashed, is_over=True)
    return Sought(scan, hashed, pass_hash=hashed, claim_id=UUID(found.claim_id), is_taken=found.is_taken)


async def lock_clerk(clerk: Clerk) -> UUID:
    """Their scans go one after the other; who they are today. Raises ClerkNotSignedIn for one revoked meanwhile."""
    found = await row(statements.LOCK_CLERK, clerk.id)
    if found is None:
        raise ClerkNotSignedIn
    return await canonical(as_uuid(found["member_id"]))


async def shop(clerk: Clerk, store_id: UUID | None) -> Shop:
    """Where the clerk is at work. Raises StoreUnknown, StoreNeeded (they serve several and named none)."""
    if clerk.store_id is not None and store_id not in (None, clerk.store_id):
        raise StoreUnknown
    wanted = clerk.store_id or store_id
    found = await rows(statements.STORES, clerk.merchant_id, str(wanted) if wanted else None)
    if not found:
        raise StoreUnknown
    if len(found) > 1:
        raise StoreNeeded
    return shop_of(found[0])


def shop_of(found: Mapping[str, Any]) -> Shop:
    """One row of a store."""
    hours = load_json(told) if isinstance(told := found["hours"], str) else told
    spans = tuple((day, opens, closes) for day, opens, closes in hours)
    return Shop(as_uuid(found["id"]), found["code"], found["name"], spans, found["zone"])


@dataclass(frozen=True, slots=True)
class Claims:
    """The rows behind what was scanned, by id and by the hash of the typed code."""

    by_id: Mapping[UUID, Mapping[str, Any]]
    by_hash: Mapping[str, Mapping[str, Any]]

    def of(self, sought: Sought) -> Mapping[str, Any] | None:
        """The claim that this scan means, if there is one."""
        if sought.claim_id:
            return self.by_id.get(sought.claim_id)
        return self.by_hash.get(sought.code_hash) if sought.code_hash else None


async def claims_of(sought: Sequence[Sought], *, statement: Both = statements.LOCK_CLAIMS) -> Claims:
    """The claims behind the codes, locked in id order (or only read, by another statement)."""
    ids = [each.claim_id for each in sought if each.claim_id]
    hashes = [each.code_hash for each in sought if each.code_hash]
    found = await rows(statement, ids, hashes) if ids or hashes else []
    return Claims({as_uuid(each["id"]): each for each in found}, {each["code_hash"]: each for each in found})


def lay_out(
    sought: Sequence[Sought],
    claims: Claims,
    clerk: Clerk,
    me: UUID,
    where: Shop,
    *,
    now: datetime,
    bill_fen: int | None = None,
    confirm: "Confirm | None" = None,
) -> list[Laid]:
    """What speaks against each claim; codes of one claim are one with the sum of their uses."""
    laid: dict[object, Laid] = {}
    bill_left = bill_fen
    for index, each in enumerate(sought):
        claim = claims.of(each)
        if claim is None:
            laid[index] = Laid(index, each, None, None, Reason.INVALID)
            continue
        first = laid.get(claim["id"])
        uses = each.scan.uses + (first.shown.uses if first and first.shown else 0)
        shown = _presented(claim, each, clerk, me, where, now=now, uses=uses, bill_fen=bill_fen)
        if confirm is not None:
            shown = replace(shown, is_confirmed=confirm.fits(as_uuid(claim["id"]), where, clerk, now))
        if first and first.shown and not first.shown.is_code_good:
            shown = replace(shown, is_code_good=False)
        if first and first.shown and first.shown.is_pass_used:
            shown = replace(shown, is_pass_used=True)
        shown = replace(shown, bill_left_fen=bill_left)
        if bill_left is not None and not first:
            bill_left -= deduction_fen(shown.terms, bill_left)
        index = first.index if first else index
        laid[claim["id"]] = Laid(index, first.sought if first else each, claim, shown, why_not(shown, now))
    return list(laid.values())


def _presented(
    claim: Mapping[str, Any],
    sought: Sought,
    clerk: Clerk,
    me: UUID,
    where: Shop,
    *,
    now: datetime,
    uses: int,
    bill_fen: int | None,
) -> Presented:
    kind = BenefitKind(claim["kind"])
    terms = from_json(TERMS_OF[kind], claim["terms"])
    is_typed, owner_id = sought.code_hash is not None, as_uuid(claim["owner_id"])
    is_shown = sought.visit is None or sought.visit.fits(owner_id, store_id=where.id, clerk_id=clerk.id, now=now)
    return Presented(
        kind=kind,
        terms=terms,
        state=ClaimState(claim["state"]),
        uses_left=claim["uses_left"],
        valid_from=as_instant(claim["valid_from"]),
        expires_at=as_instant(claim["expires_at"]) if claim["expires_at"] else None,
        owner=MemberStatus(claim["owner_status"]),
        is_own=owner_id == me,
        is_of_merchant=bool(claim["merchant_id"]) and as_uuid(claim["merchant_id"]) == clerk.merchant_id,
        is_honoured_here=honours(terms, where.code),
        is_paused=bool(claim["is_paused"]),
        is_store_open=is_served(where.hours, where.zone, now),
        is_code_good=is_shown and (not is_typed or bool((claim["offer_terms"] or {}).get("shows_typed_code", True))),
        is_pass_used=sought.is_taken,
        uses=uses,
        bill_fen=bill_fen,
    )


# --- the confirm token of a preview: bound to claim, store and clerk, for two minutes


@dataclass(frozen=True, slots=True)
class Confirm:
    """A confirm token that somebody brought; those of several previews have a space between them."""

    token: str
    vault: Vault

    def fits(self, claim_id: UUID, where: Shop, clerk: Clerk, now: datetime) -> bool:
        """Whether one is of this claim, store and clerk, and of the last two minutes."""
        return any(self._is_of(token, claim_id, where, clerk, now) for token in self.token.split(" "))

    def _is_of(self, token: str, claim_id: UUID, where: Shop, clerk: Clerk, now: datetime) -> bool:
        ends, _, mark = token.partition(".")
        if not ends.isascii() or not ends.isdigit() or len(ends) > 12 or int(ends) <= now.timestamp():
            return False
        return mark == _mark(self.vault, claim_id, where, clerk, ends)


def confirm_token(vault: Vault, claim_id: UUID, where: Shop, clerk: Clerk, now: datetime) -> str:
    """A token for a redemption of this claim by this clerk in this store."""
    ends = str(int((now + CONFIRM_LASTS).timestamp()))
    return f"{ends}.{_mark(vault, claim_id, where, clerk, ends)}"


def _mark(vault: Vault, claim_id: UUID, where: Shop, clerk: Clerk, ends: str) -> str:
    marked = vault.blind_index("redemption_confirm", f"{claim_id}:{where.id}:{clerk.id}:{ends}")
    return base64.urlsafe_b64encode(bytes.fromhex(marked)).decode().rstrip("=")
