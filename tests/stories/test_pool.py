"""A province and its cities fill the pool: brought in, looked at by other eyes, shared out, and stopped."""

import pytest

from tests.operating import PASSWORD
from tests.stories.test_service_desk import Desk, desk

__all__ = ["desk"]


async def somebody(desk: Desk, login: str, place: str, role: str = "operator") -> None:
    body = {"login": login, "password": PASSWORD, "role": role, "organization_id": place}
    kept = await desk.made("/operators", body)
    await desk.operator(login, kept["otpauth_uri"])


@pytest.fixture
async def places(desk):
    """浙江 with two cities and a department beside them, and somebody in each."""
    province = await desk.made("/organizations", {"code": "zj", "name": "浙江", "kind": "province"})
    found = {"province": province["id"]}
    for code, kind in (("north", "city"), ("south", "city"), ("market", "department")):
        body = {"code": code, "name": code, "kind": kind, "parent_id": province["id"]}
        found[code] = (await desk.made("/organizations", body))["id"]
    for login, place in found.items():
        await somebody(desk, login, place)
    return found


VOUCHER = {"code": "wash", "name": "洗车券", "kind": "voucher", "terms": {"uses": 2}, "merchant": "wash"}


async def test_a_city_brings_a_benefit_in_and_the_province_decides(town, desk, places):
    merchant = {"code": "wash", "name": "洗车行", "category": "洗车", "tier": "close", "operator_share_bp": 4_000}
    assert (await desk.tell("POST", "/operator/merchants", merchant, who="north"))[0] == 201
    status, made = await desk.tell("POST", "/operator/benefits", VOUCHER, who="north")
    assert (status, made["state"], made["operator_share_bp"]) == (201, "draft", 4_000)
    assert made["terms"] == {"uses": 2, "unit_name": "次", "face_value_fen": 0, "stores": []}
    address = f"/operator/benefits/{made['id']}"

    assert (await desk.tell("POST", f"{address}/submit", who="north"))[1]["state"] == "review"
    status, refused = await desk.tell("POST", f"{address}/accept", who="north")
    assert (status, refused["code"]) == (403, "benefit.four_eyes")
    reason = {"reason": "请补充说明"}
    assert (await desk.tell("POST", f"{address}/return", reason, who="province"))[1]["review_note"] == "请补充说明"
    changed = {"description": "到店出示\n一次一车", "settlement_price_fen": 2_500}
    assert (await desk.tell("PATCH", address, changed, who="north"))[0] == 200
    assert (await desk.tell("POST", f"{address}/submit", who="north"))[0] == 200
    assert (await desk.tell("POST", f"{address}/accept", who="province"))[1]["state"] == "pool"
    status, refused = await desk.tell("PATCH", address, {"name": "改名"}, who="north")
    assert (status, refused["code"], refused["state"]) == (409, "benefit.state_wrong", "pool")

    listed = (await desk.tell("GET", "/operator/benefits?state=pool", who="province"))[1]["items"]
    assert [each["code"] for each in listed] == ["wash"]
    for outsider in ("south", "market"):
        assert (await desk.tell("GET", "/operator/benefits", who=outsider))[1]["items"] == []
        assert (await desk.tell("GET", address, who=outsider))[0] == 404
        assert (await desk.tell("POST", f"{address}/pause", {}, who=outsider))[0] == 404
    assert (await desk.tell("POST", f"{address}/pause", {"reason": "投诉"}, who="north"))[1]["is_paused"]
    assert not (await desk.tell("POST", f"{address}/resume", {}, who="province"))[1]["is_paused"]
    assert (await desk.tell("POST", f"{address}/retire", {"reason": "过季"}, who="north"))[1]["state"] == "retired"


async def test_the_provinces_benefit_is_shared_out_among_its_cities_and_departments(town, desk, places):
    await desk.made("/merchants", {"code": "wash", "name": "洗车行", "organization_id": places["province"]})
    made = (await desk.tell("POST", "/operator/benefits", VOUCHER, who="province"))[1]
    address = f"/operator/benefits/{made['id']}"
    await desk.tell("POST", f"{address}/submit", who="province")
    assert (await desk.tell("POST", f"{address}/accept"))[0] == 200

    async def give(place, delta, who="province"):
        body = {"organization_id": places[place], "delta": delta}
        return await desk.tell("POST", f"{address}/quotas", body, who=who)

    status, given = await give("north", 100)
    assert (status, given["giver_left"]) == (201, None)
    assert given["quota"] == {"organization_id": places["north"], "allotted_count": 100, "left_count": 100}
    assert (await give("market", 20))[0] == 201
    status, refused = await give("north", -101)
    assert (status, refused["code"], refused["left"]) == (409, "quota.too_small", 100)
    assert (await give("north", 0))[0] == 400
    assert (await give("north", 5, who="north"))[0] == 404
    assert (await desk.tell("GET", address, who="north"))[1]["code"] == "wash"
    assert (await desk.tell("PATCH", address, {"name": "改"}, who="north"))[0] == 404
    seen = (await desk.tell("GET", f"{address}/quotas", who="north"))[1]["items"]
    assert [each["organization_id"] for each in seen] == [places["north"]]
    first = (await desk.tell("GET", f"{address}/quotas?limit=1"))[1]
    rest = (await desk.tell("GET", f"{address}/quotas?limit=1&cursor={first['next_cursor']}"))[1]
    assert {first["items"][0]["organization_id"], rest["items"][0]["organization_id"]} == {
        places["north"],
        places["market"],
    }


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"kind": "top_up", "terms": {}}, 422, "benefit.terms_invalid"),
        ({"kind": "lottery"}, 400, "request.invalid"),
        ({"terms": {"uses": 0}}, 422, "benefit.terms_invalid"),
        ({"terms": {"uses": "2"}}, 422, "benefit.terms_invalid"),
        ({"terms": {"secret": 1}}, 422, "benefit.terms_invalid"),
        ({"terms": [1]}, 400, "request.invalid"),
        ({"terms": None}, 400, "request.invalid"),
        ({"settlement_price_fen": -1}, 400, "request.invalid"),
        ({"operator_share_bp": 10_001}, 400, "request.invalid"),
        ({"merchant": "none"}, 404, "merchant.unknown"),
        ({"code": "with space"}, 400, "request.invalid"),
        ({"name": "  "}, 400, "request.invalid"),
        ({"extra": 1}, 400, "request.invalid"),
    ],
)
async def test_what_is_wrong_is_refused_with_its_code(town, desk, wrong, status, code):
    draft = {name: value for name, value in VOUCHER.items() if name != "merchant"}
    told, refused = await desk.tell("POST", "/operator/benefits", {**draft, **wrong})
    assert (told, refused["code"]) == (status, code)
    if code == "benefit.terms_invalid":
        assert refused["field"].startswith("terms")
    assert "secret" not in str(refused)
    assert (await desk.tell("GET", "/operator/benefits"))[1]["items"] == []


async def test_a_store_says_where_it_is_and_a_wrong_span_is_named(town, desk):
    await desk.made("/merchants", {"code": "wash", "name": "洗车行"})
    hours = [{"day": "mon", "opens": "09:00", "closes": "21:00"}]
    body = {"merchant": "wash", "code": "S1", "name": "湖滨店", "hours": hours}
    store = await desk.made("/stores", {**body, "position": {"latitude_e6": 30_250_000, "longitude_e6": 120_160_000}})
    assert (store["hours"], store["position"]["latitude_e6"], store["is_active"]) == (hours, 30_250_000, True)
    wrong = {"hours": [*hours, {"day": "mon", "opens": "20:00", "closes": "22:00"}]}
    status, refused = await desk.tell("PATCH", f"/operator/stores/{store['id']}", wrong)
    assert (status, refused["code"], refused["field"]) == (422, "store.invalid", "hours[1]")
    status, closed = await desk.tell("PATCH", f"/operator/stores/{store['id']}", {"is_active": False, "hours": []})
    assert (status, closed["is_active"], closed["hours"]) == (200, False, [])
    merchants = (await desk.tell("GET", "/operator/merchants"))[1]["items"]
    off = await desk.tell("PATCH", f"/operator/merchants/{merchants[0]['id']}", {"is_active": False})
    assert (off[0], off[1]["is_active"], off[1]["operator_share_bp"]) == (200, False, 10_000)
