"""Whom the rows of a list mean: found by exact identifiers, in sets, within what the operator sees."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.cards.recognition import number_hash
from handlers.identity.proofs import key_of
from handlers.ports import Vault
from handlers.rules.grant_rows import By, Recipient
from handlers.rules.organization_scope import Scope
from models.cards import Card
from models.identity import Identifier, Member
from models.words import CardStatus, IdentifierStatus, MemberStatus, Namespace

Found = tuple[UUID | None, str]  # the member, or why there is none (a code of `grant_rows.REASONS`)


async def found(wanted: Sequence[Recipient], *, scope: Scope | None, vault: Vault) -> list[Found]:
    """The canonical member of every row. Outside the scope (None: everywhere) somebody is as good as unknown."""
    by_hash: dict[tuple[By, str], set[UUID]] = {}
    hashes = [_hashed(each, vault) for each in wanted]
    for by, theirs in _grouped(wanted, hashes).items():
        for value, member_id in await _holders(by, theirs):
            by_hash.setdefault((by, value), set()).add(member_id)
    people = await _people({member_id for several in by_hash.values() for member_id in several})
    answers: list[Found] = []
    for each, hashed in zip(wanted, hashes, strict=True):
        candidates = {people[member_id] for member_id in by_hash.get((each.by, hashed), ()) if member_id in people}
        answers.append(_answer(candidates, scope))
    return answers


# Who somebody is today: the canonical row, its status, its place, and whether they joined.
_Person = tuple[UUID, MemberStatus, UUID | None, bool]


def _answer(candidates: set[_Person], scope: Scope | None) -> Found:
    seen = {each for each in candidates if scope is None or scope.sees(each[2])}
    if not seen:
        return None, "member.unknown"
    if len(seen) > 1:
        return None, "member.ambiguous"
    ((member_id, status, _, is_member),) = seen
    if status is MemberStatus.FROZEN:
        return None, "member.frozen"
    if status is not MemberStatus.ACTIVE:
        return None, "member.unknown"
    return (member_id, "") if is_member else (None, "member.not_joined")


def _hashed(each: Recipient, vault: Vault) -> str:
    match each.by:
        case By.PHONE:
            return key_of(Namespace.PHONE, "86", each.value, vault).value_hash
        case By.OPENID:
            return key_of(Namespace.WX_OPENID, "", each.value, vault).value_hash
        case By.CARD:
            return number_hash(vault, each.value)
        case By.MEMBER:
            return each.value


def _grouped(wanted: Sequence[Recipient], hashes: Sequence[str]) -> Mapping[By, list[str]]:
    groups: dict[By, list[str]] = {}
    for each, hashed in zip(wanted, hashes, strict=True):
        groups.setdefault(each.by, []).append(hashed)
    return groups


async def _holders(by: By, values: Sequence[str]) -> list[tuple[str, UUID]]:
    unique = sorted(set(values))
    match by:
        case By.MEMBER:
            return [(value, UUID(value)) for value in unique]
        case By.CARD:
            bound = Card.filter(number_hash__in=unique, status=CardStatus.BOUND, member_id__isnull=False)
            return [(hashed, member_id) for hashed, member_id in await bound.values_list("number_hash", "member_id")]
        case By.PHONE | By.OPENID:
            namespace = Namespace.PHONE if by is By.PHONE else Namespace.WX_OPENID
            held = Identifier.filter(namespace=namespace, value_hash__in=unique, status=IdentifierStatus.ACTIVE)
            held = held.filter(scope="86") if by is By.PHONE else held
            return [(hashed, member_id) for hashed, member_id in await held.values_list("value_hash", "member_id")]


async def _people(ids: set[UUID]) -> dict[UUID, _Person]:
    """Merges are one deep: whoever was merged points to the canonical row."""
    asked = await Member.filter(id__in=sorted(ids)).values_list("id", "canonical_id")
    today = {member_id: canonical or member_id for member_id, canonical in asked}
    rows = await Member.filter(id__in=sorted(set(today.values()))).values_list(
        "id", "status", "organization_id", "joined_at"
    )
    stand = {
        member_id: (member_id, MemberStatus(status), place, joined_at is not None)
        for member_id, status, place, joined_at in rows
    }
    return {member_id: stand[canonical] for member_id, canonical in today.items() if canonical in stand}
