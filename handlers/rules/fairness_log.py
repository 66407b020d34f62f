"""What leaves the house of a day of a draw: receipts for members, and the log that anybody can check.

A log is JSON lines: a header, then one line for each spin in order, `{"chain":"...","row":[...]}`, where `chain` is the
hash after that row. Everything in it is canonical, so a line's row can be hashed as it stands, from its 83rd character
to the last but one. `docs/fairness/README.md` explains it to those who read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import DrawRules, plain
from handlers.rules.fairness import COLUMNS, Commitment, commitment_facts, commitment_hash

LOG_TYPE, RECEIPT_TYPE, CLOSING_TYPE = "fanpiao.draw.log.1", "fanpiao.draw.receipt.1", "fanpiao.draw.closing.1"


def receipt_payload(draw: str, committed: str, rows: Sequence[tuple[str, str]]) -> bytes:
    """What is signed by Ed25519 for one request: its rows in their canonical form, each with the chain hash after it.

    `committed`: the hash of the commitment that ruled them. The member keeps payload and signature: they prove that
    these spins stood at these places of the log, whatever a later export says.
    """
    listed = ",".join([f'[{row},"{chain}"]' for row, chain in rows])
    return f'{{"commitment":"{committed}","draw":"{draw}","rows":[{listed}],"type":"{RECEIPT_TYPE}"}}'.encode()


def closing_payload(draw: str, day: str, *, last_sequence: int, head: str, committed: str) -> bytes:
    """What is signed once a day is closed: where its log ends, so that no end can be cut off afterwards.

    `head`: the chain hash after its last row (or before its first, when nobody spun); `committed`: the hash of its
    last commitment.
    """
    facts = {"draw": draw, "day": day, "last_sequence": last_sequence, "head": head, "commitment": committed}
    return canonical({"type": CLOSING_TYPE, **facts})


def header(
    commitments: Sequence[Commitment],
    rules: Mapping[int, DrawRules],
    *,
    seed: bytes,
    first_sequence: int,
    last_sequence: int,
    chain: str,
    head: str,
    public_key: str = "",
    signature: str = "",
) -> bytes:
    """The first line of a day's log, without the end of the line; only once the day is over, because it reveals.

    `commitments`: all of the day, in order. `rules`: every version that they name. `first_sequence`: of the day's first
    spin; where nobody spun `last_sequence` is one less. `chain`, `head`: the chain hash before the first row and after
    the last. `public_key`, `signature`: of `closing_payload`, base64url without padding; empty: not signed.
    """
    first = commitments[0]
    facts: dict[str, Any] = {
        "type": LOG_TYPE,
        "draw": first.draw,
        "day": first.day,
        "columns": list(COLUMNS),
        "seed": seed.hex(),
        "rules": {str(version): plain(each) for version, each in rules.items()},
        "commitments": [commitment_facts(each) for each in commitments],
        "commitment": commitment_hash(commitments[-1]),
        "first_sequence": first_sequence,
        "last_sequence": last_sequence,
        "chain": chain,
        "head": head,
        "public_key": public_key,
        "signature": signature,
    }
    return canonical(facts)


def line(row: bytes, chain: str) -> bytes:
    """The line of a spin, without the end of the line. `row`: the canonical bytes."""
    return b'{"chain":"%b","row":%b}' % (chain.encode(), row)


def lines(head: bytes, rows: Iterable[tuple[bytes, str]]) -> Iterable[bytes]:
    """The whole log, each line with its end."""
    yield head + b"\n"
    for row, chain in rows:
        yield line(row, chain) + b"\n"
