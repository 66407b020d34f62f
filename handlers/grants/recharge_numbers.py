"""Where the top-ups of a list go: to the number that its row names, and otherwise to one that is the member's own.

A row's number waits encrypted until the row is settled, and then stands with the claim alone. Of a member's own numbers
it is the verified login phone, as in chat; who has none is charged the bound number, where it is the only one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from handlers.identity.proofs import bound_to
from handlers.key_rotation import BOUND_NUMBER, GRANT_NUMBER
from handlers.ports import Vault
from handlers.rules.phones import normalise, tail
from models.database import require_atomic
from models.grants import GrantNumber
from models.identity import Identifier
from models.ids import new_id
from models.linking import BoundNumber
from models.words import IdentifierStatus, Namespace

HOME = "86"
MISSING = "recharge_to.missing"
_Sealed = tuple[str, str]  # the cipher, and what it is bound to


async def keep(numbers: Iterable[tuple[UUID, str]], *, vault: Vault) -> None:
    """The numbers of rows (by the row's id), inside the transaction that writes the rows."""
    require_atomic()
    kept = []
    for row_id, number in numbers:
        number_id = new_id()
        cipher = vault.encrypt(number, bound_to=GRANT_NUMBER.bound_to(number_id))
        kept.append(GrantNumber(id=number_id, grant_row_id=row_id, number_cipher=cipher, tail=tail(number)))
    if kept:
        await GrantNumber.bulk_create(kept, batch_size=500)


async def drop(row_ids: Collection[UUID]) -> None:
    """Of rows that are settled: the claim has the number now, or nobody needs it."""
    if row_ids:
        await GrantNumber.filter(grant_row_id__in=sorted(row_ids)).delete()


async def drop_of_list(grant_id: UUID) -> None:
    """Of a list that will never be given."""
    await GrantNumber.filter(grant_row__grant_id=grant_id).delete()


async def numbered(people: Mapping[UUID, UUID]) -> frozenset[UUID]:
    """Which of these rows have somewhere to go, by what is stored. `people`: the member (canonical) of each row."""
    return frozenset(await _sealed(people))


async def numbers_of(people: Mapping[UUID, UUID], *, vault: Vault) -> dict[UUID, str]:
    """The mainland number that each of these rows goes to; rows without one are missing. Raises VaultError."""
    found = {
        row_id: vault.decrypt(cipher, bound_to=bound) for row_id, (cipher, bound) in (await _sealed(people)).items()
    }
    written = {row_id: normalise(number, HOME) for row_id, number in found.items()}
    return {row_id: number for row_id, number in written.items() if number}


async def _sealed(people: Mapping[UUID, UUID]) -> dict[UUID, _Sealed]:
    if not people:
        return {}
    named = await GrantNumber.filter(grant_row_id__in=sorted(people)).values_list("grant_row_id", "id", "number_cipher")
    sealed = {row_id: (cipher, GRANT_NUMBER.bound_to(number_id)) for row_id, number_id, cipher in named}
    own = await _own(sorted({member_id for row_id, member_id in people.items() if row_id not in sealed}))
    return sealed | {
        row_id: own[member_id] for row_id, member_id in people.items() if row_id not in sealed and member_id in own
    }


async def _own(member_ids: Sequence[UUID]) -> dict[UUID, _Sealed]:
    if not member_ids:
        return {}
    active = IdentifierStatus.ACTIVE
    phones = Identifier.filter(member_id__in=member_ids, namespace=Namespace.PHONE, scope=HOME, status=active)
    bound = BoundNumber.filter(member_id__in=member_ids, status=active)
    several: dict[UUID, list[_Sealed]] = {}
    for member_id, number_id, cipher in await bound.values_list("member_id", "id", "number_cipher"):
        several.setdefault(member_id, []).append((cipher, BOUND_NUMBER.bound_to(number_id)))
    own = {member_id: theirs[0] for member_id, theirs in several.items() if len(theirs) == 1}
    for member_id, phone_id, cipher in await phones.values_list("member_id", "id", "value_cipher"):
        own[member_id] = cipher, bound_to(phone_id)
    return own
