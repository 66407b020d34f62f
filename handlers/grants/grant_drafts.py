"""What an operator hands in: a list as rows or as the text of a CSV, and how its lines are understood."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from handlers.errors import GrantFileInvalid
from handlers.grants.grant_lists import Read
from handlers.rules.file_rows import HeaderRefused, RowRefused
from handlers.rules.grant_rows import By, Recipient, header, read, recipient

MOST_ROWS = 1_000  # of one request; a command takes more


@dataclass(frozen=True, slots=True)
class GivenRow:
    """One row of a request: a member under exactly one name; `recharge_to`: where a top-up goes."""

    member: str | None = None
    phone: str | None = None
    card: str | None = None
    openid: str | None = None
    quantity: int = 1
    recharge_to: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GrantDraft:
    """A list for an offer, as rows or as the text of a CSV. `is_again`: it was handed in before, and is meant."""

    offer_id: UUID
    reason: str
    rows: tuple[GivenRow, ...] = ()
    csv: str = ""
    choices: tuple[str, ...] = ()
    is_beyond_limits: bool = False
    is_told: bool = False
    is_again: bool = False


def lines_of(draft: GrantDraft) -> Sequence[Read]:
    """The rows of a request, numbered as their lines: of a CSV the header is line 1. Raises GrantFileInvalid."""
    text = draft.csv.removeprefix("\ufeff").splitlines()
    if bool(draft.rows) == bool(draft.csv) or len(text) > MOST_ROWS + 1 or len(draft.rows) > MOST_ROWS:
        raise GrantFileInvalid(why=f"请提交名单或CSV之一，至多{MOST_ROWS}行")
    if draft.rows:
        return [(number, _understood_row(each)) for number, each in enumerate(draft.rows, start=1)]
    try:
        columns = header(text[0])
    except HeaderRefused as refusal:
        raise GrantFileInvalid(why=str(refusal)) from None
    return [
        (number, understood_line(line, columns)) for number, line in enumerate(text[1:], start=2) if line.strip(" ,\t")
    ]


def understood_line(line: str, columns: Sequence[str]) -> Recipient | str:
    """Whom a line means, or the code of why it was not understood."""
    try:
        return read(line, columns)
    except RowRefused as refusal:
        return refusal.code


def _understood_row(row: GivenRow) -> Recipient | str:
    named = {by: value for by in By if (value := getattr(row, by.value))}
    try:
        return recipient(named, row.quantity, row.recharge_to or "")
    except RowRefused as refusal:
        return refusal.code
