"""A clerk without a network for an hour: two devices give the same thing, and in the morning one counts."""

import hashlib
import hmac
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.worker import Worker
from handlers.claims.typed_codes import normalise
from models.benefits import Benefit
from models.redemptions import Clerk, Redemption
from models.words import ClerkRole
from tests.stories.test_at_the_counter import member, shop

__all__ = ["shop"]  # the fixture


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Till:
    """A device as the clerk's app makes it: it checks codes by its pack, and queues what it gave."""

    shop: object
    town: object
    token: str
    id: str
    pack: dict = field(default_factory=dict)
    sync_id: str = ""
    queue: list[dict] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def clock(self) -> str:
        return self.town.clock.now().isoformat().replace("+00:00", "Z")

    async def sync(self) -> None:
        """Fetch the pack, and believe it only under the house's key."""
        fetched = await self.shop.ask(
            "GET", f"/clerk/offline-pack?device_id={self.id}&sent_at={self.clock}", token=self.token
        )
        assert fetched.status == 200, fetched.body
        keys = (await self.shop.ask("GET", "/clerk/offline-keys", token=self.token)).body["items"]
        key = next(each["public_key"] for each in keys if each["key_id"] == fetched.body["key_id"])
        data = raw(fetched.body["pack"])
        Ed25519PublicKey.from_public_bytes(raw(key)).verify(raw(fetched.body["signature"]), data)
        self.pack, self.sync_id = orjson.loads(data), fetched.body["sync_id"]

    def give(self, typed: str) -> str:
        """What the screen says to a code that somebody shows, without asking anybody."""
        code = normalise(typed)
        key = bytes.fromhex(self.pack["pack_key"])
        mark = hmac.digest(key, code.encode(), hashlib.sha256).hex()[:12] if code else ""
        found = next((each for each in self.pack["entries"] if each[0] == mark), None)
        if found is None or mark in self.seen:
            return "不能核销"
        self.seen.add(mark)
        number = len(self.queue) + 1
        scan = {"code": typed, "seq": number, "key": f"{self.id}/{number}", "sync_id": self.sync_id}
        self.queue.append({**scan, "scanned_at": self.clock, "uses": 1})
        return str(self.pack["benefits"][found[1]]["name"])

    async def upload(self) -> dict:
        body = {"device_id": self.id, "sent_at": self.clock, "scans": self.queue}
        answer = await self.shop.ask("POST", "/clerk/redemptions/batch", body, token=self.token)
        assert answer.status == 200, answer.body
        return answer.body


@pytest.mark.parametrize("order", [("till-1", "till-2"), ("till-2", "till-1")])
async def test_of_two_devices_that_gave_the_same_without_a_network_the_first_counts(town, shop, order):
    await member(town, "小明")
    lin = town.person("小林")
    await shop.clerk(lin)
    claim, another = await shop.claim(), await shop.claim()
    await Benefit.all().update(is_offline_allowed=True)
    town.wait(until_ten(town))  # whatever the hour of the run: no midnight comes between
    clerk = await again(town, shop, lin)
    tills = {name: Till(shop, town, clerk, name) for name in ("till-1", "till-2")}
    for till in tills.values():
        await till.sync()
    # The network is gone. The same voucher is shown twice, ten minutes apart, and nobody can know.
    assert tills["till-1"].give(shop.typed(claim)) == "咖啡一杯"
    assert tills["till-1"].give(shop.typed(claim)) == "不能核销"
    assert tills["till-1"].give("0000-0000-0000-0") == "不能核销"
    town.wait(timedelta(minutes=10))
    assert tills["till-2"].give(shop.typed(claim)) == "咖啡一杯"
    assert tills["till-2"].give(shop.typed(another)) == "咖啡一杯"
    town.wait(timedelta(minutes=50))
    # It is back.
    first, second = [await tills[name].upload() for name in order]
    assert [each["answer"] for each in first["items"]].count("accepted") == len(first["items"])
    assert [each["answer"] for each in second["items"]].count("conflict") == 1
    assert all(each["is_provisional"] for each in [*first["items"], *second["items"]])
    assert (second["gaps"], second["complete_upto"]) == ([], len(second["items"]))
    # The next morning.
    town.wait(timedelta(hours=30))
    await Worker(town.house.registry, town.house.handlers, town.clock).start_due_tasks()
    await town.work()
    clerk = await again(town, shop, lin)
    for till in tills.values():
        till.token = clerk
    told = {name: (await till.upload())["items"] for name, till in tills.items()}
    assert {each["answer"] for each in [*told["till-1"], *told["till-2"]]} == {"replayed"}
    assert [each["outcome"] for each in told["till-1"]] == ["accepted"]
    assert [each["outcome"] for each in told["till-2"]] == ["conflict", "accepted"]
    assert told["till-2"][0]["first"]["device_id"] == "till-1"
    # A clerk does not decide about it; the manager sees it, and takes the loss.
    assert (await shop.ask("GET", "/clerk/redemptions/conflicts", token=clerk)).status == 403
    await Clerk.all().update(role=ClerkRole.MANAGER, store_id=None)
    (case,) = (await shop.ask("GET", "/clerk/redemptions/conflicts?decision=open", token=clerk)).body["items"]
    assert (case["device_id"], case["first"]["device_id"], case["settlement_fen"]) == ("till-2", "till-1", 0)
    path = f"/clerk/redemptions/conflicts/{case['id']}/loss"
    done = await shop.ask("POST", path, {"note": "当时没有网络"}, token=clerk)
    assert (done.status, done.body["decision"]) == (201, "loss")
    written = await Redemption.filter(claim_id=claim.id).count()
    assert written == (1 if order[0] == "till-1" else 3)  # the wrong one has its contra row beside it


def until_ten(town) -> timedelta:
    """Ten in the morning in Shanghai, the next time."""
    now = town.clock.now()
    ten = now.replace(hour=2, minute=0, second=0, microsecond=0)
    return ten + timedelta(days=1) - now


async def again(town, shop, person) -> str:
    """The clerk signs in on the next day."""
    code = person.open_mini_program(town.mp).login_code()
    opened = await shop.ask("POST", "/clerk/sessions", {"code": code})
    assert opened.status == 201, opened.body
    return opened.body["token"]
