#!/usr/bin/env python3
"""核对抽奖记录 / check the log of a lucky draw, with nothing but the standard library of Python 3.11 or newer.

    python3 verify_draw.py 2026-05-01.jsonl                          一天 / one day
    python3 verify_draw.py 2026-05-01.jsonl 2026-05-02.jsonl         连续几天 / days that follow each other
    python3 verify_draw.py 2026-05-01.jsonl --sequence 17            讲清一次 / explain one spin
    python3 verify_draw.py 2026-05-01.jsonl --commitment HASH        事先公布的承诺 / a commitment published before
    python3 verify_draw.py 2026-05-01.jsonl --receipts mine.jsonl --key KEY   您的回执 / your receipts

Exit code: 0 all is as it was promised, 1 something is not, 2 the files cannot be read. README.md explains the format.
Signatures are checked where the package `cryptography` is installed; without it the answer says that they were not.
"""

import argparse
import base64
import gc
import hashlib
import hmac
import json
import os
import struct
import sys
from bisect import bisect_right
from itertools import accumulate, chain, islice, pairwise
from multiprocessing import get_context

COLUMNS = [
    "sequence", "commitment", "at", "member", "nonce", "roll", "spins", "since", "is_blocked", "wins", "wins_today",
    "rolled", "awarded", "why",
]  # fmt: skip
LOG, RECEIPT, CLOSING = "fanpiao.draw.log.1", "fanpiao.draw.receipt.1", "fanpiao.draw.closing.1"
PPM, FAIR = 1_000_000, 4_294_000_000
WORDS = struct.Struct(">I")
PORTION = 20_000  # rows that a process is handed at a time
SAID = {
    "header": ("文件头不完整或不是抽奖记录", "the header is incomplete or not of a draw's log"),
    "seed": ("公开的种子与事先的承诺不符", "the revealed seed is not the one that was committed to"),
    "rules": ("规则与承诺的指纹不符", "the rules are not those that were committed to"),
    "commitments": ("承诺的链条断开：有承诺被改动、删除或调换", "a commitment was changed, removed or moved"),
    "published": ("事先公布的承诺不在记录里", "a commitment that was published is not in the log"),
    "stock": ("库存与承诺对不上：有未公布的改动", "the stock does not add up: a change was hidden"),
    "line": ("这一行无法读取", "the line cannot be read"),
    "sequence": ("序号不连续：有记录被删除或调换", "a gap or a wrong order: rows were removed or moved"),
    "chain": ("链条断开：这一行或它之前的内容被改动", "the chain is broken: this row or one before it was changed"),
    "tail": ("记录没有到承诺的结尾", "the log does not reach the end that was stated"),
    "roll": ("结果不是由种子算出的", "the roll does not follow from the seed"),
    "rolled": ("抽中的奖品与概率表不符", "the prize rolled is not the one the odds give"),
    "awarded": (
        "发出的奖品与库存、上限和替补规则不符",
        "the prize awarded does not follow from stock, caps, fallbacks",
    ),
    "commitment": ("这一次不受它所写的承诺约束", "the spin was ruled by another commitment than it names"),
    "time": ("时间不在当天或早于上一次", "the time is outside the day or before the spin before"),
    "member": ("此人之前的次数或中奖数对不上", "what this member did before does not add up"),
    "day": ("与前一天接不上", "it does not follow the day before"),
    "receipt": ("回执与记录不符", "the receipt is not what the log says"),
    "signature": ("签名不正确", "the signature is wrong"),
}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def netstrings(*texts):
    return b"".join(b"%d:%b," % (len(each), each) for each in (text.encode() for text in texts))


class Findings:
    """What is wrong, told as it is found; the first twenty of it in words."""

    def __init__(self):
        self.count, self.notes, self.kinds = 0, 0, set()

    def add(self, kind, where=""):
        self.count += 1
        self.kinds.add(kind)
        if self.count <= 20:
            chinese, english = SAID[kind]
            print(f"不符 WRONG {where}{'：' if where else ''}{chinese} / {english}")

    def note(self, text):
        self.notes += 1
        if self.notes <= 20:
            print(f"说明 note {text}")


class Version:
    """The rules of one version: who gets which share of a million, and what comes instead."""

    def __init__(self, rules):
        self.rules, self.prizes = rules, rules["prizes"]
        self.codes = [prize["code"] for prize in self.prizes]
        self.where = {code: place for place, code in enumerate(self.codes)}
        self.thanks = next(place for place, prize in enumerate(self.prizes) if prize["kind"] == "thanks")
        self.chains = [self.follow(place) for place in range(len(self.prizes))]
        consolation = rules["consolation"]
        self.consolation = [self.thanks] if consolation is None else self.chains[self.where[consolation]]
        self.capped = [
            any(limit is not None for limit in (
                prize["per_member"], prize["per_member_daily"], rules["per_member"], rules["per_member_daily"]))
            for prize in self.prizes
        ]  # fmt: skip
        pity = rules["pity"]
        self.rare = [bool(pity) and prize["rarity"] >= pity["rarity"] for prize in self.prizes]
        self.last_lock = max(prize["unlock_after"] for prize in self.prizes)
        self.known = {}

    def follow(self, place):
        places = [place]
        while places[-1] != self.thanks:
            code = self.prizes[places[-1]]["fallback"]
            places.append(self.thanks if code is None else self.where[code])
            if len(places) > len(self.prizes):
                raise ValueError("fallbacks turn in a circle")
        return places

    def bounds(self, spins, since):
        key = spins if spins < self.last_lock else self.last_lock, since if self.rules["pity"] else 0
        if key not in self.known:
            self.known[key] = list(accumulate(self.shares(*key)))
        return self.known[key]

    def shares(self, spins, since):
        open_ = [prize["unlock_after"] <= spins for prize in self.prizes]
        shares = [0] * len(self.prizes)
        for place, prize in enumerate(self.prizes):
            heir = next(each for each in self.chains[place] if open_[each])
            shares[heir] += prize["ppm"]
        pity = self.rules["pity"]
        weights = [share * rare for share, rare in zip(shares, self.rare, strict=True)]
        if not pity or sum(weights) == 0:
            return shares
        if pity["guaranteed_at"] is not None and since >= pity["guaranteed_at"] - 1:
            return divide(PPM, weights)
        if pity["ramp_from"] is not None and since >= pity["ramp_from"]:
            more = min(shares[self.thanks], pity["ramp_ppm"] * (since - pity["ramp_from"] + 1))
            shares[self.thanks] -= more
            shares = [share + extra for share, extra in zip(shares, divide(more, weights), strict=True)]
        return shares

    def award(self, rolled, row, stock, today):
        """The place of what is awarded, and why."""
        _, _, at, _, _, _, spins, _, is_blocked, wins, wins_today = row[:11]
        why = "blocked" if is_blocked else "as_rolled"
        for place in (self.consolation if is_blocked else self.chains[rolled])[:-1]:
            prize, code = self.prizes[place], self.codes[place]
            units, daily = stock[code], prize["daily"]
            if units is not None and prize["releases"]:
                units -= sum(count for instant, count in prize["releases"] if instant > at)
            if (units is not None and units <= 0) or (daily is not None and today.get(code, 0) >= daily):
                reason = "out"
            elif prize["unlock_after"] > spins or (self.capped[place] and self.is_capped(place, wins, wins_today)):
                reason = "capped"
            else:
                return place, why
            why = reason if why == "as_rolled" else why
        return self.thanks, why

    def is_capped(self, place, wins, wins_today):
        prize, rules = self.prizes[place], self.rules
        pairs = (
            (wins[place], prize["per_member"]), (wins_today[place], prize["per_member_daily"]),
            (sum(wins), rules["per_member"]), (sum(wins_today), rules["per_member_daily"]),
        )  # fmt: skip
        return any(limit is not None and count >= limit for count, limit in pairs)


def divide(amount, weights):
    """By weight, rounded down; what is over by one each to the largest remainders, the first of equal ones."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    order = sorted((-(amount * weight % total), place) for place, weight in enumerate(weights))
    for _, place in order[: amount - sum(parts)]:
        parts[place] += 1
    return parts


class Rolls:
    """HMAC-SHA256 with the key made ready once (RFC 2104), and the rejection of unfair words."""

    def __init__(self, seed, draw):
        self.seed, self.draw = seed, netstrings(draw)
        key = seed.ljust(64, b"\0")
        self.inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self.outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        assert self.digest(b"fanpiao") == hmac.digest(seed, b"fanpiao", "sha256")  # noqa: S101 (checks itself)

    def digest(self, data):
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def roll(self, sequence, member, nonce):
        if member.isascii() and nonce.isascii():  # the same as below, faster
            place = str(sequence)
            said = f"{len(place)}:{place},{len(member)}:{member},{len(nonce)}:{nonce},"
            start = self.draw + said.encode()
        else:
            start = self.draw + netstrings(str(sequence), member, nonce)
        word = int.from_bytes(self.digest(start + b"1:0,")[:4], "big")
        return word % PPM if word < FAIR else self.next_fair(start)

    def next_fair(self, start):
        """Words from FAIR on would favour small rolls: the first one below, of as many blocks as it takes."""
        block = 0
        while True:
            for (word,) in WORDS.iter_unpack(self.digest(start + netstrings(str(block)))):
                if word < FAIR:
                    return word % PPM
            block += 1


def check_portion(job):
    """What needs no memory of other rows: what is wrong, the rows of the lines, the chains that are asked for."""
    seed, draw, before, lines, wanted = job
    rolls, wrong, rows, chains, parse = Rolls(seed, draw), [], [], {}, json.JSONDecoder().raw_decode
    for line in lines:
        stated, raw = line[10:74], line[82:-2]
        try:
            text = raw.decode()
            row, end = parse(text)
            sequence, _, _, member, nonce, roll, *_, why = row
            if roll != rolls.roll(sequence, member, nonce):
                wrong.append((sequence, "roll"))
            is_sound = isinstance(why, str) and len(row) == len(COLUMNS) and end == len(text)
        except (ValueError, TypeError, AttributeError):
            is_sound = False
        if not is_sound or line != b'{"chain":"%b","row":%b}\n' % (stated, raw):
            wrong.append((None, "line"))
            continue
        if hashlib.sha256(before + raw).hexdigest().encode() != stated:
            wrong.append((sequence, "chain"))
        if sequence in wanted:
            chains[sequence] = stated.decode("ascii", "replace")
        before = stated
        rows.append(row)
    return wrong, rows, chains, before.decode("ascii", "replace")


def portions(file, header, wanted):
    """The lines of a file in portions; each begins with the chain as the line before it states it."""
    before = header["chain"].encode()
    while lines := list(islice(file, PORTION)):
        yield bytes.fromhex(header["seed"]), header["draw"], before, lines, wanted
        before = lines[-1][10:74]


class Draw:
    """What is remembered from row to row, and from day to day."""

    def __init__(self, findings, wanted):
        self.findings, self.wanted, self.header = findings, frozenset(wanted), None
        self.members, self.stock, self.spins, self.hashes = {}, {}, 0, set()
        self.seen, self.told = {}, {}  # of the wanted: row and chain; what we say of it

    def read_day(self, path, processes):
        with open(path, "rb") as file:  # noqa: PTH123
            header = json.loads(file.readline())
            if not isinstance(header, dict) or header.get("type") != LOG or header.get("columns") != COLUMNS:
                raise ValueError("not a log of a draw")
            self.check_header(header)
            jobs = portions(file, header, self.wanted)
            if processes > 1:
                with get_context("spawn").Pool(processes, gc.disable) as pool:
                    self.check_rows(pool.imap(check_portion, jobs))
            else:
                self.check_rows(map(check_portion, jobs))

    def check_header(self, header):
        draw, commitments, before, add = header["draw"], header["commitments"], self.header, self.findings.add
        self.header, first, genesis = header, commitments[0], sha256(netstrings("draw", header["draw"]))
        self.versions = {int(number): Version(rules) for number, rules in header["rules"].items()}
        for each in commitments:
            if sha256(bytes.fromhex(header["seed"])) != each["seed_hash"]:
                add("seed", f"{header['day']} {each['number']}")
            if sha256(canonical(self.versions[each["version"]].rules)) != each["rules_hash"]:
                add("rules", f"{header['day']} v{each['version']}")
        hashes = [sha256(canonical(each)) for each in commitments]
        self.hashes.update(hashes)
        linked = all(
            each["previous"] == known and each["number"] == last["number"] + 1 and each["kind"] != "open"
            and all(each[name] == last[name] for name in ("draw", "day", "day_begins", "day_ends"))
            for (last, each), known in zip(pairwise(commitments), hashes[:-1], strict=True)
        )  # fmt: skip
        starts = [header["first_sequence"], *(each["sequence"] for each in commitments), header["last_sequence"] + 1]
        begun = (first["kind"], first["draw"], first["day"], first["sequence"], hashes[-1])
        stated = ("open", draw, header["day"], header["first_sequence"], header["commitment"])
        if not linked or begun != stated or starts != sorted(starts):
            add("commitments", header["day"])
        if first["number"] == 0:
            if (first["previous"], header["chain"], first["sequence"]) != (genesis, genesis, 1):
                add("commitments", header["day"])
            self.stock = {prize["code"]: prize["stock"] for prize in self.versions[first["version"]].prizes}
        if before is not None:
            follows = before["draw"], before["commitment"], before["head"], before["last_sequence"] + 1
            if follows != (draw, first["previous"], header["chain"], header["first_sequence"]):
                add("day", header["day"])

    def check_rows(self, checked):
        add, header = self.findings.add, self.header
        rest, expected, head = list(header["commitments"]), header["first_sequence"], header["chain"]
        self.at, self.ends, self.today, self.of_today = rest[0]["day_begins"], rest[0]["day_ends"], {}, set()
        self.take_up(rest.pop(0))
        for wrong, rows, chains, last in checked:
            for sequence, kind in wrong:
                add(kind, f"#{expected}+" if sequence is None else f"#{sequence}")
            for row in rows:
                if row[0] != expected:
                    add("sequence", f"#{row[0]}")
                while rest and rest[0]["sequence"] <= row[0]:
                    self.take_up(rest.pop(0))
                try:
                    self.check_row(row)
                except (KeyError, IndexError, TypeError, ValueError):
                    add("line", f"#{row[0]}")
                if row[0] in self.wanted:
                    self.seen[row[0]] = row, chains.get(row[0])
                expected = row[0] + 1 if isinstance(row[0], int) else expected + 1
            head = last
        for each in rest:
            self.take_up(each)
        if head != header["head"] or expected != header["last_sequence"] + 1:
            add("tail", header["day"])

    def take_up(self, commitment):
        """From here on this one rules; the stock that it states is what we counted, and the change that it states."""
        self.number, self.version = commitment["number"], self.versions[commitment["version"]]
        stated = list(zip(self.version.codes, commitment["stock"], commitment["change"], strict=True))
        for code, units, change in stated:
            counted = self.stock.get(code)
            is_known = code in self.stock and units is not None
            if is_known and (counted is None or units != counted + change):
                self.findings.add("stock", f"#{commitment['sequence']} {code}")
        self.stock = {code: units for code, units, _ in stated}

    def check_row(self, row):
        sequence, number, at, member, _, roll, spins, since, _, wins, wins_today, rolled, awarded, why = row
        version, add = self.version, self.findings.add
        self.spins += 1
        if number != self.number:
            add("commitment", f"#{sequence}")
        if not self.at <= at < self.ends:
            add("time", f"#{sequence}")
        self.at = max(at, self.at)
        place = bisect_right(version.bounds(spins, since), roll)
        given, reason = version.award(place, row, self.stock, self.today)
        code = version.codes[given]
        if version.codes[place] != rolled:
            add("rolled", f"#{sequence}")
        if (code, reason) != (awarded, why):
            add("awarded", f"#{sequence}")
        if sequence in self.wanted:
            ppm = ", ".join(map("{} {}".format, version.codes, version.shares(spins, since)))
            self.told[sequence] = f"{ppm}; roll {roll} -> {version.codes[place]} -> {code} ({reason})"
        self.check_member(row, self.members.get(member))
        if given != version.thanks:
            wins, wins_today = [*wins], [*wins_today]
            wins[given] += 1
            wins_today[given] += 1
            self.today[code] = self.today.get(code, 0) + 1
            if self.stock[code] is not None:
                self.stock[code] -= 1
        self.members[member] = spins + 1, 0 if version.rare[given] else since + 1, wins, wins_today, version
        self.of_today.add(member)

    def check_member(self, row, known):
        """Counters go on where the row before left them; they may only jump up together, when members are merged."""
        sequence, spins, since, wins, wins_today = row[0], row[6], row[7], row[9], row[10]
        if known is None:
            is_new_draw = self.header["commitments"][0]["number"] == 0
            if is_new_draw and (spins or since or any(wins) or any(wins_today)):
                self.findings.add("member", f"#{sequence}")
            return
        were, today = known[2], known[3]
        if known[4] is not self.version:
            were, today = ([dict(zip(known[4].codes, each, strict=True)).get(code, 0) for code in self.version.codes]
                           for each in (were, today))  # fmt: skip
        if row[3] not in self.of_today:
            today = [0] * len(today)
        if spins == known[0] and since == known[1] and wins == were and wins_today == today:
            return
        grown = zip([spins, *wins, *wins_today], [known[0] + 1, *were, *today], strict=True)
        if all(now >= before for now, before in grown):
            self.findings.note(f"#{sequence}：此人与另一会员合并 / this member was merged with another one")
        else:
            self.findings.add("member", f"#{sequence}")


def key_of(text):
    """A public key, or None where signatures cannot be checked."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    return Ed25519PublicKey.from_public_bytes(decoded(text)) if text else None


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(key, signature, payload):
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(decoded(signature), payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_closing(draw, header, key):
    names = ("draw", "day", "last_sequence", "head", "commitment")
    facts = {"type": CLOSING, **{name: header[name] for name in names}}
    if not header["signature"]:
        draw.findings.note(f"{header['day']}：结尾没有签名 / the end of the day is not signed")
    elif not is_signed(key, header["signature"], canonical(facts)):
        draw.findings.add("signature", header["day"])


def read_receipts(path):
    """JSON lines of {"payload": TEXT, "signature": TEXT}, as the answers to spins give them."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return [json.loads(line) for line in file if line.strip()]


def check_receipts(draw, receipts, key):
    for receipt in receipts:
        facts = json.loads(receipt["payload"])
        known = facts["type"] == RECEIPT and facts["draw"] == draw.header["draw"] and facts["commitment"] in draw.hashes
        for row, stated in facts["rows"]:
            if not known or draw.seen.get(row[0]) != (row, stated):
                draw.findings.add("receipt", f"#{row[0]}")
        if key is not None and not is_signed(key, receipt["signature"], receipt["payload"].encode()):
            draw.findings.add("signature", f"#{facts['rows'][0][0][0]}")


def joined(arguments):
    """`--key` and what follows it as one word: a key may begin with `-`, and would be taken for an option."""
    words = iter(arguments)
    return [f"{word}={next(words, '')}" if word == "--key" else word for word in words]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("logs", nargs="+", metavar="LOG")
    parser.add_argument("--sequence", type=int, action="append", default=[])
    parser.add_argument("--commitment", action="append", default=[], metavar="HASH")
    parser.add_argument("--receipts", metavar="FILE")
    parser.add_argument("--key", default="", help="the operator's public key, base64url")
    parser.add_argument("--processes", type=int, default=0, help="0: as many as there are processors for a long log")
    asked = parser.parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    gc.disable()  # nothing here refers to itself; looking for it among a million rows would take half of the time
    try:
        receipts = read_receipts(asked.receipts) if asked.receipts else []
        rows = chain.from_iterable(json.loads(receipt["payload"])["rows"] for receipt in receipts)
        draw = Draw(Findings(), [*asked.sequence, *(row[0] for row, _ in rows)])
        is_long = sum(os.path.getsize(path) for path in asked.logs) > 20_000_000  # noqa: PTH202
        processes = asked.processes or (os.cpu_count() or 1 if is_long else 1)
        key = key_of(asked.key)
        for path in asked.logs:
            draw.read_day(path, processes)
            if key is not None:
                check_closing(draw, draw.header, key)
        for sequence in asked.sequence:
            print(f"#{sequence}: {draw.told.get(sequence, '不在记录里 / not in the log')}")
        if any(each not in draw.hashes for each in asked.commitment):
            draw.findings.add("published")
        check_receipts(draw, receipts, key)
    except (OSError, ValueError, KeyError, TypeError, IndexError, StopIteration) as problem:
        chinese, english = SAID["header"]
        print(f"无法读取 UNREADABLE：{chinese} / {english} ({type(problem).__name__}: {problem})")
        return 2
    if key is None:
        print("说明 note 没有核对签名（需要 --key 和 cryptography） / signatures were not checked")
    said = "全部相符 ALL IS AS PROMISED" if not draw.findings.count else f"{draw.findings.count} 处不符 WRONG"
    print(f"{draw.spins} 次 spins，{len(asked.logs)} 天 days：{said}")
    return 1 if draw.findings.count else 0


if __name__ == "__main__":
    sys.exit(main())
