"""What accounts of points outside say over HTTP, against a pretend one: five words, and everything else is unknown."""

import pytest

from gateways.clock import SystemClock
from gateways.outside_points import OutsidePointsApi
from gateways.suppliers import supplier_session
from handlers.ports import OutsideSays, SupplierAccess
from models.words import OutsideHeard
from simulator import Platform, PointsConduct, create_app
from simulator.points_account import OPENING

NUMBER = "13912345670"
ONE, OTHER = "0190a1b2c3d4e5f60718293a4b5c6d7e", "f" * 32


@pytest.fixture
async def platform(aiohttp_server):
    platform = Platform([], backend="http://127.0.0.1:9", seed="suppliers")
    server = await aiohttp_server(create_app(platform))
    platform.url = str(server.make_url("/supplier"))
    return platform


@pytest.fixture
async def api():
    async with supplier_session() as session:
        yield OutsidePointsApi(session, SystemClock(), total_seconds=0.4)


def access(platform, **more) -> SupplierAccess:
    return SupplierAccess(**{"code": "carrier", "api_url": platform.url, "secret": platform.supplier.secret, **more})


async def hold(api, platform, number=ONE, points=30) -> OutsideSays:
    return await api.hold(access(platform), number, account=NUMBER, points=points)


async def test_points_are_held_taken_and_let_go_once_for_a_number(platform, api):
    for _ in range(2):
        assert await hold(api, platform) == OutsideSays(OutsideHeard.HELD, 30)
    assert platform.points.balances[NUMBER] == OPENING - 30
    assert (await api.query(access(platform), ONE)).heard is OutsideHeard.HELD
    for _ in range(2):
        assert (await api.post(access(platform), ONE)).heard is OutsideHeard.POSTED
    assert (await api.void(access(platform), ONE)).heard is OutsideHeard.POSTED  # too late, and it says so
    await hold(api, platform, OTHER)
    assert (await api.void(access(platform), OTHER)).heard is OutsideHeard.VOIDED
    assert (await api.post(access(platform), OTHER)).heard is OutsideHeard.VOIDED
    assert platform.points.balances[NUMBER] == OPENING - 30


async def test_what_was_let_go_before_it_came_in_is_never_held(platform, api):
    assert (await api.query(access(platform), ONE)).heard is OutsideHeard.ABSENT
    assert (await api.void(access(platform), ONE)).heard is OutsideHeard.VOIDED
    assert (await hold(api, platform)).heard is OutsideHeard.VOIDED
    assert platform.points.balances[NUMBER] == OPENING


async def test_too_few_points_are_refused_with_the_word_for_it(platform, api):
    assert await hold(api, platform, points=OPENING + 1) == OutsideSays(OutsideHeard.REFUSED, OPENING + 1, "short")
    platform.points.once(PointsConduct(refuses=True))
    assert (await hold(api, platform, OTHER)).reason == "not_served"


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (PointsConduct(hangs=1.0), "timeout"),
        (PointsConduct(is_garbage=True), "unreadable"),
        (PointsConduct(wrong_signature=True), "signature"),
    ],
)
async def test_whatever_is_no_clear_answer_is_unknown_and_the_question_knows(platform, api, conduct, reason):
    platform.points.once(conduct)
    assert await hold(api, platform) == OutsideSays(OutsideHeard.UNKNOWN, reason=reason)
    assert await api.query(access(platform), ONE) == OutsideSays(OutsideHeard.HELD, 30)


async def test_a_call_that_never_arrives_is_unknown_and_absent(platform, api):
    platform.points.once(PointsConduct(loses=True))
    assert (await hold(api, platform)).reason == "http_504"
    assert (await api.query(access(platform), ONE)).heard is OutsideHeard.ABSENT


async def test_a_call_that_the_network_doubles_holds_once(platform, api):
    platform.points.always(PointsConduct(duplicates=3))
    await hold(api, platform)
    await api.post(access(platform), ONE)
    assert (platform.points.balances[NUMBER], platform.points.holds[ONE].status) == (OPENING - 30, "posted")


async def test_whoever_has_another_secret_is_told_nothing(platform, api):
    said = await api.hold(access(platform, secret="s" * 32), ONE, account=NUMBER, points=30)
    assert (said.heard, platform.points.holds) == (OutsideHeard.UNKNOWN, {})


async def give_back(api, platform, number=OTHER, points=30) -> OutsideSays:
    return await api.give_back(access(platform), number, hold_no=ONE, points=points)


async def test_what_was_taken_goes_back_once_for_a_number_and_never_more_than_was_taken(platform, api):
    assert (await hold(api, platform)).heard is OutsideHeard.HELD
    assert (await give_back(api, platform, "early")).heard is OutsideHeard.REFUSED  # nothing is taken yet
    await api.post(access(platform), ONE)
    assert (await api.query_return(access(platform), OTHER)).heard is OutsideHeard.ABSENT
    for _ in range(2):
        assert await give_back(api, platform, points=20) == OutsideSays(OutsideHeard.RETURNED, 20)
    assert await api.query_return(access(platform), OTHER) == OutsideSays(OutsideHeard.RETURNED, 20)
    assert (await give_back(api, platform, "more", points=11)).heard is OutsideHeard.REFUSED
    assert platform.points.balances[NUMBER] == OPENING - 10
    assert (await api.query(access(platform), ONE)).heard is OutsideHeard.POSTED


@pytest.mark.parametrize("conduct", [PointsConduct(hangs=1.0), PointsConduct(is_garbage=True)])
async def test_a_return_without_a_clear_answer_is_unknown_and_the_question_knows(platform, api, conduct):
    await hold(api, platform)
    await api.post(access(platform), ONE)
    platform.points.once(conduct)
    assert (await give_back(api, platform)).heard is OutsideHeard.UNKNOWN
    assert await api.query_return(access(platform), OTHER) == OutsideSays(OutsideHeard.RETURNED, 30)
