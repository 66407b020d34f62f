"""People of whom nothing was known a moment ago, written by the batch: a campaign brings them by the thousand."""

from collections.abc import Hashable, Sequence
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError

from handlers.errors import DomainError, ErrorKind
from handlers.group_commit import GroupCommit
from handlers.identity.proofs import Proof, bind_rows, event_row, identifier_rows
from handlers.ports import Clock, Vault
from handlers.rules.identity import decide
from models.database import dialect, rows
from models.ids import new_id
from models.statements import identity as statements
from models.words import IdentityAct

Proofs = tuple[Proof, ...]


class NotNew(DomainError):
    """One of the proofs has a holder by now; never shown to anybody."""

    kind = ErrorKind.CONFLICT
    code = "identity.not_new"


class Newcomers:
    """Writes new people, whole or not at all. The unique index on active values decides when two come at once."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault
        self._lane: GroupCommit[Proofs, UUID] = GroupCommit("newcomers", self._write, key=_first)

    async def welcome(self, proofs: Sequence[Proof]) -> UUID:
        """The id of the new member. Raises NotNew, Overloaded, OutcomeUnknown."""
        return await self._lane.submit(None, tuple(proofs))

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _write(self, batch: Sequence[Proofs]) -> list[UUID | DomainError]:
        now, taken = self._clock.now(), set[Proof]()
        outcomes: list[UUID | DomainError] = []
        members: list[str] = []
        identifiers: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        for proofs in batch:
            if not taken.isdisjoint(proofs):  # the same person through two doors
                outcomes.append(NotNew())
                continue
            taken.update(proofs)
            member_id = new_id()
            by_key = {proof.key(self._vault): proof for proof in proofs}
            decision = decide(by_key, ())
            members.append(str(member_id))
            identifiers += identifier_rows(member_id, decision, by_key, self._vault)
            events += [event_row(member_id, IdentityAct.CREATE), *bind_rows(member_id, decision, self._vault)]
            outcomes.append(member_id)
        try:
            if dialect() == "postgres":
                await rows(statements.NEWCOMERS, members, identifiers, events, now)
            else:
                await _one_table_after_another(members, identifiers, events, now)
        except IntegrityError as error:
            raise NotNew from error
        return outcomes


async def _one_table_after_another(
    members: list[str], identifiers: list[dict[str, Any]], events: list[dict[str, Any]], now: object
) -> None:
    """SQLite has no statement that writes several tables, and needs none: its trips are free."""
    await rows(statements.ADD_MEMBERS, members, now)
    await rows(statements.TAKE_ORDINALS, len(members))
    await rows(statements.ADD_IDENTIFIERS, identifiers, now)
    await rows(statements.ADD_EVENTS, events, now)


def _first(proofs: Proofs) -> Hashable:
    """Twins share one outcome: the openid comes first, and is what a person is there by."""
    return proofs[0]
