"""Who is who: one person through tills, several channels, merges and new kinds of card, without ever binding twice."""

import uuid
from datetime import timedelta

import pytest

from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from handlers.identity.transfers import HELD_FOR
from handlers.membership.member_views import Profile
from models.cards import Card
from models.database import atomic
from models.identity import IdentityEvent, Member, MemberMerge
from models.linking import PhoneTransfer
from models.words import CardStatus, IdentityAct, Namespace
from simulator import Account, Kind
from tests.handlers.profiles import tell
from tests.stories.desk import at_the_desk
from tests.stories.old_cards import KIND, NAME, PIN, number, take_in

PHONE = "13912345670"
FAR = Account(
    kind=Kind.MINI_PROGRAM,
    name="far",
    title="书店联盟",
    app_id="wx6666666666666666",
    secret="e7f2a353f1c9a7b5d2e8f604b1a6c9d8",
    token="FarMiniProgram66",
    original_id="gh_666666666666",
    group="elsewhere",  # another open platform: WeChat does not say who is the same person there
)


@pytest.fixture
async def desk(town):
    async with at_the_desk(town) as desk:
        yield desk


@pytest.fixture
async def far(town, desk):
    """A second mini-program, of a partner."""
    town.platform.add(FAR)
    body = {
        "key": FAR.name,
        "kind": "mini_program",
        "app_id": FAR.app_id,
        "secret": FAR.secret,
        "token": FAR.token,
        "original_id": FAR.original_id,
        "open_platform": "elsewhere",
    }
    status, answer = await desk.ask("POST", "/accounts", body)
    assert status == 201, answer
    return FAR


async def _joined(town, name, account, *, phone=None):
    """A member who joined in a mini-program, on its screen."""
    screen = town.person(name, phone=phone).open_mini_program(account)
    assert (await screen.join(with_phone=phone is not None)).status == 201
    return screen


async def _ask(screen, method, path, body=None):
    call = await screen.call(method, path, body, key=str(uuid.uuid4()))
    return call.status, call.answer


async def _mine(screen):
    """What a member sees of themselves: number, phone, cards."""
    me, cards = await screen.me(), await screen.call("GET", "/me/cards")
    assert (me.status, cards.status) == (200, 200)
    seen = [(card["id"], card["kind"], card["status"], card["is_primary"]) for card in cards.fact("items")]
    return me.fact("number"), me.fact("phone"), sorted(seen)


# --- channels joined by a ticket


async def test_a_ticket_makes_one_member_of_two_channels(town, far):
    here = await _joined(town, "小明", town.mp)
    ming = here.person
    await ming.follow(town.oa)
    await ming.say(town.oa, "我的")  # within 48 hours of a message an account may write
    there = ming.open_mini_program(far)
    assert (await there.login()).fact("member") is None  # nobody there knows him
    status, ticket = await _ask(here, "POST", "/me/link-tickets")
    assert status == 201
    status, linked = await _ask(there, "POST", "/me/links", {"ticket": ticket["ticket"]})
    assert (status, linked["number"]) == (201, (await here.login()).fact("member")["number"])
    assert await _mine(there) == await _mine(here)
    await town.work()
    assert "关联了另一个渠道" in ming.chat(town.oa).texts()[-1]
    assert (await _ask(there, "POST", "/me/links", {"ticket": ticket["ticket"]}))[1]["code"] == "ticket.used"


async def test_two_memberships_become_one_only_after_a_yes(town, far):
    here = await _joined(town, "小明", town.mp)
    there = here.person.open_mini_program(far)
    assert (await there.join(with_phone=False)).status == 201
    numbers = {(await _mine(screen))[0] for screen in (here, there)}
    assert len(numbers) == 2
    _, ticket = await _ask(here, "POST", "/me/link-tickets")
    status, asked = await _ask(there, "POST", "/me/links", {"ticket": ticket["ticket"]})
    assert (status, asked["code"]) == (409, "link.confirmation_needed")
    assert asked["inviter"].startswith("******")
    status, linked = await _ask(there, "POST", "/me/links", {"ticket": ticket["ticket"], "confirm": True})
    assert (status, linked["number"] in numbers) == (201, True)
    assert (await here.me()).status == 401  # all other sessions end
    await here.login()
    assert await _mine(here) == await _mine(there)


async def test_a_ticket_that_was_let_lie_joins_nobody(town, far):
    here = await _joined(town, "小明", town.mp)
    there = here.person.open_mini_program(far)
    await there.login()
    _, ticket = await _ask(here, "POST", "/me/link-tickets")
    town.wait(timedelta(minutes=10))
    assert (await _ask(there, "POST", "/me/links", {"ticket": ticket["ticket"]}))[1]["code"] == "ticket.expired"


# --- operators merge, and take it back


async def test_what_an_operator_merges_and_takes_back_is_exactly_as_before(town, tmp_path, desk, far):
    await take_in(town, tmp_path)
    here = await _joined(town, "小明", town.mp, phone=PHONE)
    there = here.person.open_mini_program(far)
    await there.join(with_phone=False)
    await there.bind(card={"kind": KIND, "number": number()}, proof={"pin": PIN})
    before = [await _mine(screen) for screen in (here, there)]

    found = []
    for number_of_member in (before[0][0], before[1][0]):
        status, answer = await desk.ask("POST", "/members/search", {"number": number_of_member})
        assert (status, len(answer["items"])) == (200, 1)
        found.append(answer["items"][0]["id"])
    status, merged = await desk.ask("POST", f"/members/{found[0]}/merge", {"other_id": found[1]})
    assert status == 200, merged
    for screen in (here, there):
        await screen.login()
    assert await _mine(here) == await _mine(there)
    assert {kind for _, kind, _, _ in (await _mine(here))[2]} == {"member", KIND}
    await here.person.follow(town.oa)
    assert NAME in (await here.person.say(town.oa, "我的")).text

    status, undone = await desk.ask("POST", f"/merges/{merged['merge_id']}/undo")
    assert status == 200, undone
    for screen in (here, there):
        await screen.login()
    assert [await _mine(screen) for screen in (here, there)] == before
    assert NAME not in (await here.person.say(town.oa, "我的")).text
    _, audit = await desk.ask("GET", "/audit")
    assert {"member.merged", "member.unmerged"} <= {entry["action"] for entry in audit["items"]}


async def test_a_member_is_not_merged_with_themselves_nor_with_another_wechat(town, desk):
    ming, hong = await _joined(town, "小明", town.mp), await _joined(town, "小红", town.mp)
    ids = [screen.member["id"] for screen in (ming, hong)]
    for other in ids:
        status, refused = await desk.ask("POST", f"/members/{ids[0]}/merge", {"other_id": other})
        assert 400 <= status < 500, refused
    assert await MemberMerge.all().count() == 0


# --- tills and phones


async def _till_member(town, birthday):
    """Somebody whom a till knows by a phone number, with a card: tills themselves come with a later capability."""
    house = town.house
    vault = house.handlers.card_binding._vault
    async with atomic():
        proof = Proof(Namespace.PHONE, "86", PHONE, "import")
        known = await resolve([proof], now=house.clock.now(), vault=vault)
        await tell(known.member_id, Profile(birthday=birthday), house.handlers.membership._vault)
    bound = await Card.filter(kind__code=KIND, last4=number()[-4:]).update(
        member_id=known.member_id, status=CardStatus.BOUND, bound_at=house.clock.now(), is_primary=True
    )
    assert bound == 1
    return known.member_id


async def test_a_till_member_comes_to_wechat_and_their_card_is_there(town, tmp_path):
    await take_in(town, tmp_path)
    await _till_member(town, "1980-05-01")
    screen = await _joined(town, "小明", town.mp, phone=PHONE)
    _, phone, cards = await _mine(screen)
    assert phone == "*******5670"
    assert {(kind, status) for _, kind, status, _ in cards} == {("member", "bound"), (KIND, "bound")}
    await screen.person.follow(town.oa)
    assert f"{NAME}（尾号{number()[-4:]}）" in (await screen.person.say(town.oa, "我的")).text


@pytest.mark.parametrize(("birthday", "outcome"), [("1980-05-01", "merged"), ("1999-01-01", "transferred")])
async def test_a_till_member_of_long_ago_is_asked_one_fact(town, tmp_path, birthday, outcome):
    await take_in(town, tmp_path)
    till = await _till_member(town, "1980-05-01")
    town.wait(timedelta(days=181))
    screen = town.person("小明", phone=PHONE).open_mini_program(town.mp)
    await screen.login()
    _, terms = await _ask(screen, "GET", "/consents")
    agreed = [
        {"purpose": each["purpose"], "version": each["version"]}
        for each in terms["items"]
        if each["purpose"] in {"membership", "phone"}
    ]
    assert (await _ask(screen, "POST", "/members", {"consents": agreed}))[0] == 201
    code = screen.phone_code()
    status, asked = await _ask(screen, "PUT", "/me/phone", {"phone_code": code})
    assert (status, asked["code"], asked["questions"]) == (409, "phone.fact_needed", ["birthday"])
    status, changed = await _ask(screen, "PUT", "/me/phone", {"phone_code": code, "fact": {"birthday": birthday}})
    assert (status, changed["outcome"]) == (200, outcome)
    assert (KIND in {kind for _, kind, _, _ in (await _mine(screen))[2]}) is (outcome == "merged")
    assert ((await Member.get(id=till)).canonical_id is not None) is (outcome == "merged")


async def test_a_reissued_number_is_a_transfer_the_former_holder_hears_of_and_waits_a_day(town):
    old, new = await _joined(town, "小明", town.mp, phone=PHONE), await _joined(town, "小红", town.mp)
    await old.person.follow(town.oa)
    await old.person.say(town.oa, "我的")
    before = await _mine(old)
    new.person.phone = PHONE  # the carrier has given it to her
    terms = (await _ask(new, "GET", "/consents"))[1]["items"]
    version = next(each["version"] for each in terms if each["purpose"] == "phone")
    assert (await _ask(new, "PUT", "/me/consents/phone", {"version": version}))[0] == 200
    status, moved = await _ask(new, "PUT", "/me/phone", {"phone_code": new.phone_code()})
    assert (status, moved["outcome"]) == (200, "transferred")
    transfer = await PhoneTransfer.get()
    assert transfer.held_until - transfer.transferred_at == HELD_FOR == timedelta(hours=24)
    assert await MemberMerge.all().count() == 0
    assert await IdentityEvent.filter(act=IdentityAct.TRANSFER).count() == 2
    await town.work()
    told = old.person.chat(town.oa).texts()[-1]
    assert "5670" in told
    assert PHONE not in told
    assert await _mine(old) == (before[0], None, before[2])  # the membership and its cards stay his


# --- a kind that comes later


async def test_a_kind_added_later_knows_everybody_without_binding_again(town, desk):
    screen, silent = await _joined(town, "小明", town.mp), await _joined(town, "小红", town.mp)
    ming = screen.person
    await ming.follow(town.oa)
    assert "联名卡" not in (await ming.say(town.oa, "我的")).text
    kind = {"code": "joint", "name": "联名卡", "digit_count": 14}
    status, added = await desk.ask("POST", "/card-kinds", kind)
    assert status == 201, added
    assert "联名卡（尾号" in (await ming.say(town.oa, "我的")).text  # at first touch, before any job
    assert await Card.filter(kind__code="joint").count() == 1
    await town.work()
    assert await Card.filter(kind__code="joint", status=CardStatus.BOUND).count() == 2
    assert {each[1] for each in (await _mine(silent))[2]} == {"member", "joint"}
    joined = town.person("小兰").open_mini_program(town.mp)
    made = await joined.join(with_phone=False)
    assert {card["kind"] for card in made.fact("cards")} == {"member", "joint"}
