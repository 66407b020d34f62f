"""The stand-alone verifier: says yes to what was kept, finds every tampering, shares no code with the engine."""

import ast
import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.rules import fairness, fairness_log
from handlers.rules.draw_rules import Pity
from handlers.rules.odds import State, fresh, select
from handlers.rules.prize_table import Table
from tests.rules.draw_days import Draw
from tests.rules.drawing import COUPON, PHONE, POINTS, THANKS, a_draw, any_rules

SCRIPT = Path(__file__).parents[2] / "docs/fairness/verify_draw.py"
SPEC = importlib.util.spec_from_file_location("verify_draw", SCRIPT)
verify = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(verify)
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
KEY = base64.urlsafe_b64encode(PRIVATE.public_key().public_bytes_raw()).rstrip(b"=").decode()


def signature(payload):
    return base64.urlsafe_b64encode(PRIVATE.sign(payload)).rstrip(b"=").decode()


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Runs the verifier over logs in this process: the exit code, and which kinds of things it found."""

    def run(*logs, arguments=()):
        paths, found = [], []
        for number, lines in enumerate(logs):
            path = tmp_path / f"{number}.jsonl"
            path.write_bytes(b"".join(lines))
            paths.append(str(path))
        monkeypatch.setattr(verify, "Findings", lambda: found.append(original()) or found[-1])
        with monkeypatch.context() as patch:
            patch.setattr(verify.gc, "disable", lambda: None)
            code = verify.main([*paths, "--processes", "1", *arguments])
        return code, found[-1].kinds if found else set()

    original = verify.Findings
    return run


def a_busy_draw(days=1):
    """A day with stock that runs out, is added to, a new version, pity, a block-listed member and caps."""
    pity = Pity(1, guaranteed_at=6, ramp_from=3, ramp_ppm=20_000)
    draw = Draw(a_draw(replace(PHONE, per_member=1, unlock_after=2), COUPON, POINTS, THANKS, pity=pity, per_member=9))
    logs = []
    for _ in range(days):
        draw.open()
        for number in range(120):
            draw.spin(f"m{number % 11}", f"nonce-{number}", is_blocked=number % 11 == 5)
            if number == 40:
                draw.restock(coupon=30)
            if number == 80:
                draw.publish(replace(draw.rules, per_member=None if draw.version > 1 else 20))
        draw.restock(phone=1)
        logs.append(draw.log())
    return draw, logs


def rewritten(lines, change, *, sequence):
    """The log with one row changed, and the chain from there on written anew: what who owns the database can do."""
    header, rows = json.loads(lines[0]), [json.loads(line)["row"] for line in lines[1:]]
    change(rows[sequence - header["first_sequence"]])
    return chained(header, rows)


def chained(header, rows):
    chain, made = header["chain"], []
    for row in rows:
        raw = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()
        chain = hashlib.sha256(chain.encode() + raw).hexdigest()
        made.append(fairness_log.line(raw, chain) + b"\n")
    return [json.dumps({**header, "head": chain}).encode() + b"\n", *made]


def test_what_was_kept_is_as_it_was_promised(check):
    draw, logs = a_busy_draw(days=3)
    assert {row.why for row, _ in draw.rows} >= {"as_rolled", "out", "blocked"}
    assert check(*logs) == (0, set())
    assert check(logs[1]) == (0, set())  # a day alone, too


def test_another_process_without_our_packages_comes_to_the_same_results(tmp_path):
    draw, (log,) = a_busy_draw()
    path = tmp_path / "day.jsonl"
    path.write_bytes(b"".join(log))
    script = tmp_path / "verify_draw.py"
    script.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    isolated = [sys.executable, "-I", "-S", str(script), str(path), "--processes", "2", "--sequence", "17"]
    done = subprocess.run(isolated, capture_output=True, check=False, cwd=tmp_path, timeout=60, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "120 次 spins" in done.stdout
    assert f"roll {draw.rows[16][0].roll} -> {draw.rows[16][0].rolled} -> {draw.rows[16][0].awarded}" in done.stdout


def test_it_imports_nothing_but_the_standard_library_and_signatures_where_they_can_be_had():
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}


@given(any_rules(), st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=25), st.integers(0, 25))
@settings(max_examples=60)
def test_engine_and_verifier_agree_on_any_table(rules, spins, restocked):
    draw = Draw(rules)
    draw.open()
    limited = [prize.code for prize in rules.prizes if prize.stock is not None]
    for number, (member, is_blocked) in enumerate(spins):
        draw.spin(f"m{member}", f"n{number}", is_blocked=is_blocked)
        if number == restocked and limited:
            draw.restock(**{limited[0]: 1})
    header, *lines = draw.log()
    head = json.loads(header)
    findings = verify.Findings()
    state = verify.Draw(findings, ())
    state.check_header(head)
    state.check_rows(
        [verify.check_portion((bytes.fromhex(head["seed"]), head["draw"], head["chain"].encode(), lines, ()))]
    )
    assert findings.kinds == set()
    assert state.spins == len(spins)


@given(any_rules(), st.integers(0, 6), st.integers(0, 40), st.integers(0, 999_999))
def test_engine_and_verifier_share_out_alike_at_any_point_of_pity(rules, spins, since, roll):
    table, version = Table(rules), verify.Version(json.loads(fairness.canonical(fairness.plain(rules))))
    assert tuple(version.shares(spins, since)) == table.shares(spins, since).ppm
    outcome = select(table, State((None,) * len(table.prizes), replace(fresh(table), spins=spins, since=since)), roll)
    assert verify.bisect_right(version.bounds(spins, since), roll) == outcome.rolled


@given(
    st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=("Cs",)), max_size=9), st.integers(1)
)
def test_engine_and_verifier_roll_alike(seed, nonce, sequence):
    rolls = verify.Rolls(seed, "d")
    expected = fairness.roll_of(seed, draw="d", sequence=sequence, member="m", nonce=nonce)
    assert rolls.roll(sequence, "m", nonce) == expected
    assert rolls.next_fair(rolls.draw + verify.netstrings(str(sequence), "m", nonce)) == expected


@pytest.mark.parametrize(
    ("column", "value", "kinds"),
    [
        ("roll", 1, {"chain", "roll", "rolled", "awarded"}),
        ("awarded", "phone", {"chain", "awarded"}),
        ("rolled", "phone", {"chain", "rolled"}),
        ("nonce", "other", {"chain", "roll"}),
        ("why", "capped", {"chain", "awarded"}),
        ("at", 0, {"chain", "time"}),
        ("commitment", 1, {"chain", "commitment"}),
        ("is_blocked", 1, {"chain", "awarded"}),
        ("since", 1, {"chain", "member"}),
        ("wins", [0, 9, 0, 0], {"chain", "member"}),
    ],
)
def test_a_row_that_was_changed_is_found(check, column, value, kinds):
    draw, (log,) = a_busy_draw()
    place = next(
        place for place, (row, _) in enumerate(draw.rows) if 5 < place < 40 and row.awarded == row.rolled == "thanks"
    )
    row = json.loads(log[place + 1])
    row["row"][fairness.COLUMNS.index(column)] = value
    raw = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    code, found = check([*log[: place + 1], raw, *log[place + 2 :]])
    assert code == 1
    assert found >= kinds


@pytest.mark.parametrize(("column", "value"), [("roll", 1), ("awarded", "phone"), ("member", "f" * 32), ("nonce", "x")])
def test_a_row_that_was_changed_with_its_whole_chain_is_found(check, column, value):
    _, (log,) = a_busy_draw()
    changed = rewritten(log, lambda row: row.__setitem__(fairness.COLUMNS.index(column), value), sequence=20)
    code, found = check(changed)
    assert code == 1
    assert found & {"roll", "awarded"}


def test_a_row_that_was_deleted_is_found(check):
    _, (log,) = a_busy_draw()
    assert check([*log[:30], *log[31:]])[1] >= {"sequence", "chain"}
    header, rows = json.loads(log[0]), [json.loads(line)["row"] for line in log[1:]]
    assert check(chained(header, [*rows[:30], *rows[31:]]))[1] >= {"sequence"}  # with its whole chain


def test_a_tail_that_was_cut_is_found(check):
    _, logs = a_busy_draw(days=2)
    assert check(logs[1][:-1]) == (1, {"tail"})
    assert "tail" in check(logs[1][:1])[1]
    cut = json.loads(logs[0][0])
    shorter = chained({**cut, "last_sequence": 119}, [json.loads(line)["row"] for line in logs[0][1:-1]])
    assert "day" in check(shorter, logs[1])[1]  # the next day follows the true end


def test_rows_whose_order_was_swapped_are_found(check):
    _, (log,) = a_busy_draw()
    assert check([*log[:30], log[31], log[30], *log[32:]])[1] >= {"sequence", "chain"}


def without_commitment(log, number, **changes):
    header = json.loads(log[0])
    kept = [each for each in header["commitments"] if each["number"] != number]
    for place, each in enumerate(kept):
        each.update(changes if place == 1 else {})
        each["number"] = header["commitments"][0]["number"] + place
        if place:
            each["previous"] = verify.sha256(verify.canonical(kept[place - 1]))
    header |= {"commitments": kept, "commitment": verify.sha256(verify.canonical(kept[-1]))}
    return [json.dumps(header).encode() + b"\n", *log[1:]]


def test_a_change_of_stock_that_was_hidden_is_found(check):
    _, (log,) = a_busy_draw()
    header = json.loads(log[0])
    header["commitments"].pop(1)
    assert "commitments" in check([json.dumps(header).encode() + b"\n", *log[1:]])[1]
    assert check(without_commitment(log, 1))[1] >= {"stock", "commitment"}  # with its whole chain
    assert "stock" in check(without_commitment(log, 99, change=[0, 0, 0, 0]))[1]  # the stock without its change


def test_another_seed_is_found(check):
    _, (log,) = a_busy_draw()
    header = json.loads(log[0])
    other = {**header, "seed": "00" * 32}
    assert check([json.dumps(other).encode() + b"\n", *log[1:]])[1] == {"seed", "roll"}


def test_other_rules_are_found(check):
    _, (log,) = a_busy_draw()
    header = json.loads(log[0])
    header["rules"]["1"]["prizes"][0]["ppm"] += 1_000
    header["rules"]["1"]["prizes"][3]["ppm"] -= 1_000
    assert check([json.dumps(header).encode() + b"\n", *log[1:]])[1] >= {"rules"}


def test_a_commitment_that_was_published_must_be_in_the_log(check):
    draw, (log,) = a_busy_draw()
    published = fairness.commitment_hash(draw.commitments[1])
    assert check(log, arguments=["--commitment", published]) == (0, set())
    assert check(log, arguments=["--commitment", "0" * 64]) == (1, {"published"})


def test_a_day_that_does_not_follow_the_one_before_is_found(check):
    _, logs = a_busy_draw(days=3)
    assert "day" in check(logs[0], logs[2])[1]


def test_counters_that_fall_are_found_and_those_of_merged_members_are_only_told(check):
    draw, _ = a_busy_draw()
    day, member = draw.members["m3"]
    draw.members["m3"] = day, replace(member, spins=member.spins + 7, wins=tuple(count + 2 for count in member.wins))
    draw.spin("m3")
    assert check(draw.log()) == (0, set())
    draw.members["m3"] = day, replace(member, spins=0)
    draw.spin("m3")
    assert check(draw.log()) == (1, {"member"})


def receipts_of(draw, places, path, **changes):
    rows = [(draw.rows[place][0]._replace(**changes), draw.rows[place][1]) for place in places]
    committed = fairness.commitment_hash(draw.commitments[rows[0][0].commitment])
    told = [(fairness.row_bytes(row).decode(), chain) for row, chain in rows]
    payload = fairness_log.receipt_payload(draw.draw, committed, told)
    path.write_text(json.dumps({"payload": payload.decode(), "signature": signature(payload)}), encoding="utf-8")
    return ["--receipts", str(path), "--key", KEY]


def test_a_receipt_stands_in_the_log_or_the_log_is_wrong(check, tmp_path):
    draw, (log,) = a_busy_draw()
    path = tmp_path / "receipts.jsonl"
    assert check(log, arguments=receipts_of(draw, [50, 51], path)) == (0, set())
    assert check(log, arguments=receipts_of(draw, [50], path, nonce="other")) == (1, {"receipt"})
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("other", "nonce-50"), encoding="utf-8")
    assert check(log, arguments=["--receipts", str(path), "--key", KEY]) == (1, {"signature"})


def test_a_history_that_was_rewritten_before_a_receipt_is_found_by_its_chain(check, tmp_path):
    """Even where nothing else would show it: the row before is another member's, and the seed is the operator's."""
    draw, (log,) = a_busy_draw()
    arguments = receipts_of(draw, [50], tmp_path / "receipts.jsonl")
    at = fairness.COLUMNS.index("at")
    changed = rewritten(log, lambda row: row.__setitem__(at, row[at] + 1), sequence=20)
    assert check(changed) == (0, set())
    assert check(changed, arguments=arguments) == (1, {"receipt"})


def test_the_end_of_a_day_is_signed(check):
    draw, _ = a_busy_draw()
    committed = fairness.commitment_hash(draw.commitments[-1])
    payload = fairness_log.closing_payload(
        draw.draw, "day 0", last_sequence=draw.sequence, head=draw.chain, committed=committed
    )
    log = draw.log(public_key=KEY, signature=signature(payload))
    assert check(log, arguments=["--key", KEY]) == (0, set())
    header = json.loads(log[0])
    cut = chained({**header, "last_sequence": 119}, [json.loads(line)["row"] for line in log[1:-1]])
    assert "signature" in check(cut, arguments=["--key", KEY])[1]


def test_a_key_that_begins_like_an_option_is_a_key(check):
    """One base64url text in 64 does."""
    draw, _ = a_busy_draw()
    assert check(draw.log(public_key=KEY, signature="AAAA"), arguments=["--key", f"-{KEY[1:]}"]) == (1, {"signature"})


@pytest.mark.parametrize("garbage", [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"type":"fanpiao.draw.log.1"}\n'])
def test_what_is_no_log_is_told_so(check, garbage):
    assert check([garbage])[0] == 2


@pytest.mark.parametrize("garbage", [b"\n", b"{}\n", b"\xff\xfe\n", b'{"chain":"x","row":[]}\n', b"[1,2]\n"])
def test_a_line_that_cannot_be_read_is_found(check, garbage):
    _, (log,) = a_busy_draw()
    assert check([*log[:10], garbage, *log[10:]]) == (1, {"line"})
