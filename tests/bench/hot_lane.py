"""The claim of a hot row in a lane of the house: the same rows as in the other designs, set-based, a batch a commit."""

from collections.abc import Sequence
from uuid import UUID

import orjson

from handlers.errors import DomainError
from handlers.group_commit import GroupCommit
from models.database import Both, row, rows
from models.sql import as_uuid
from tests.bench.hot_designs import TAKE, Wish
from tests.bench.hot_rows import THE_STOCK
from tests.bench.lane import SoldOut, TakenAlready

# Rows travel as one JSON text ($1); $2 is now.
_COLUMNS = {
    "member": "bigint",
    "key": "text",
    "claim_id": "uuid",
    "request_id": "uuid",
    "job_id": "uuid",
    "job_key": "text",
}
_TYPED = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
_PICKED = ", ".join(f"value ->> '{name}' AS {name}" for name in _COLUMNS)


def _set_based(sql: str, ending: str = "") -> Both:
    return Both(
        postgres=sql.format(rows=f"jsonb_to_recordset($1::jsonb) AS w({_TYPED})", object="jsonb_build_object") + ending,
        sqlite=sql.format(rows=f"(SELECT {_PICKED} FROM json_each($1)) AS w", object="json_object"),
    )


_LOCK = Both(postgres="SELECT units_left FROM hot_stock FOR UPDATE", sqlite="SELECT units_left FROM hot_stock")
_RECALL = _set_based("SELECT r.member, r.key, r.claim_id FROM hot_request r JOIN {rows} USING (member, key)")
_CLAIMS = _set_based(
    f"INSERT INTO hot_claim SELECT w.claim_id, $2, {THE_STOCK}, w.member FROM {{rows}} WHERE true "
    "ON CONFLICT DO NOTHING RETURNING id"
)
_REQUESTS = _set_based(
    "INSERT INTO hot_request SELECT w.request_id, $2, w.member, w.key, w.claim_id FROM {rows} WHERE true RETURNING id"
)
_JOBS = _set_based(
    "INSERT INTO hot_job SELECT w.job_id, $2, 'say_claimed', w.job_key, {object}('claim', w.claim_id), $2 "
    "FROM {rows} WHERE true RETURNING id"
)


async def decide(batch: Sequence[Wish]) -> Sequence[UUID | DomainError]:
    """A batch of the lane."""
    seen = await rows(_RECALL, _json(batch))
    known = {(int(each["member"]), each["key"]): as_uuid(each["claim_id"]) for each in seen}
    fresh = [wish for wish in batch if (wish.member, wish.key) not in known]
    stock = await row(_LOCK)
    may = fresh[: int(stock["units_left"]) if stock else 0]
    at = batch[0].made_at
    made = {as_uuid(each["id"]) for each in await rows(_CLAIMS, _json(may), at)} if may else set()
    won = [wish for wish in may if wish.claim_id in made]
    if won:
        await rows(_REQUESTS, _json(won), at)
        await rows(_JOBS, _json(won), at)
        if await row(TAKE, len(won)) is None:
            raise RuntimeError("the stock was locked, and still it changed")
    lost = {wish.claim_id: TakenAlready() if wish in may else SoldOut() for wish in fresh if wish.claim_id not in made}
    return [known.get((each.member, each.key)) or lost.get(each.claim_id) or each.claim_id for each in batch]


def lane() -> GroupCommit[Wish, UUID]:
    """The house's own."""
    return GroupCommit("bench", decide, key=lambda wish: (wish.member, wish.key))


def _json(wishes: Sequence[Wish]) -> str:
    listed = [{name: getattr(wish, name) for name in _COLUMNS} for wish in wishes]
    return orjson.dumps(listed).decode()
