"""What the demo's house holds at its first start: brought in through the use cases, as operators would do it."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.container import House
from app.demo_games import open_games
from app.demo_money import open_money
from gateways.vault import FieldVault
from handlers.actors import Operator
from handlers.benefits.benefits import BenefitDraft
from handlers.benefits.code_imports import CodeImports
from handlers.benefits.operator_code_pools import PoolDraft
from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import KindDraft
from handlers.fulfillment.suppliers import SupplierDraft
from handlers.import_files import examine
from handlers.offers.offer_editing import OfferDraft
from handlers.operators.operators import OperatorView
from handlers.rules.distances import Position
from handlers.rules.numbers import check_digit
from handlers.rules.offer_terms import Audience, Limit, OfferTerms, Period, Price, Validity, ValidityKind
from handlers.shops.merchants import MerchantTerms
from handlers.shops.stores import StoreChange
from models.ids import new_id
from models.words import BenefitKind, ClerkRole, MerchantAccess, MerchantTier, OperatorRole, OrganizationKind

CODES, GOLD_CARDS, GOLD_PIN = 200, 20, "8888"
MERCHANT, STORE, SUPPLIER = "books", "S1", "yichong"
CITIES = {"hangzhou": "杭州", "ningbo": "宁波"}
_MONTHLY = (Limit(Period.MONTH, 1),)
_END_OF_MONTH = Validity(ValidityKind.NATURAL, period=Period.MONTH)


@dataclass(frozen=True, slots=True)
class _Seed:
    """One benefit, and the offer by which it is had."""

    code: str
    name: str
    kind: BenefitKind
    terms: Mapping[str, Any]
    description: str
    keyword: str
    offer: OfferTerms
    city: str | None = None
    settlement_price_fen: int = 0


def _seeds(now: datetime) -> Sequence[_Seed]:
    """Parts before the package that holds them."""
    flash = OfferTerms(
        original_price_fen=2_800, stock=50, is_flash_sale=True, opens_at=now, closes_at=now + timedelta(days=30)
    )
    wash = OfferTerms(daily_stock=20, limits=_MONTHLY, validity=_END_OF_MONTH)
    gold = OfferTerms(audience=Audience(card_kinds=("gold",)), limits=_MONTHLY, validity=_END_OF_MONTH)
    week = OfferTerms(validity=Validity(ValidityKind.DAYS, days=7))
    voucher, package = BenefitKind.VOUCHER, BenefitKind.PACKAGE
    parts = {"parts": [{"benefit": "coffee"}, {"benefit": "off20"}]}
    ten_yuan = {"supplier": SUPPLIER, "product": "HF-10", "face_value_fen": 1_000}
    film_terms = {"pool": "films", "how_to_use": "在影院取票机输入"}
    return [
        _Seed("coffee", "拿铁一杯", voucher, {}, "书店咖啡角现做", "咖啡", flash, settlement_price_fen=1_500),
        _Seed("wash", "洗车", voucher, {"uses": 2}, "每月两次", "洗车", wash, settlement_price_fen=3_000),
        _Seed("parking", "停车两小时", voucher, {}, "绑定金卡后可领", "停车", gold, settlement_price_fen=800),
        _Seed("film", "电影票", BenefitKind.CODE_COUPON, film_terms, "全国影院通用", "电影", OfferTerms()),
        _Seed(
            *("off20", "满100减20", BenefitKind.PARTNER_COUPON, {"face_value_fen": 2_000, "threshold_fen": 10_000}),
            *("买书结账时用", "满减", week),
        ),
        _Seed(
            *("huafei", "话费直充10元", BenefitKind.TOP_UP, ten_yuan, "充到您填的手机号", "话费"),
            OfferTerms(stock=100, limits=_MONTHLY),
        ),
        _Seed(
            "points50",
            "50积分",
            BenefitKind.POINTS,
            {"points": 50},
            "领取就到账",
            "送积分",
            OfferTerms(limits=_MONTHLY),
        ),
        _Seed("weekend", "周末礼包", package, parts, "一杯拿铁和一张满减券", "礼包", week),
        _Seed("seafood", "海鲜市集券", voucher, {}, "宁波会员可领", "海鲜", week, "ningbo", 2_000),
    ]


def _for_sale(*, on_bills: bool) -> Sequence[_Seed]:
    """What costs money; where a merchant of WeChat Pay is set up. `on_bills`: a carrier is connected too."""
    price = Price(fen=1_990, carrier_fen=1_990 if on_bills else 0)
    priced = OfferTerms(price=price, original_price_fen=2_500, stock=50, limits=(), returns_to_stock=True)
    return [_Seed("cake", "提拉米苏一份", BenefitKind.VOUCHER, {}, "微信支付，没用可退", "蛋糕", priced)]


@dataclass(frozen=True, slots=True)
class Charger:
    """Where the pretend supplier of top-ups is, and what it signs with."""

    api_url: str
    secret: str = field(repr=False)


async def seed(house: House, folder: Path, accept: Callable[[str], Awaitable[None]], charger: Charger) -> None:
    """Fill an empty house, once; `accept` is given the invitation of its clerk, `charger` fulfils its top-ups.

    It may be interrupted and begun again. The operators' passwords are kept in `folder`, for whoever tries their door.
    Raises DomainError when somebody else set the house up.
    """
    kept = folder / "operators.json"
    known = json.loads(kept.read_text("utf-8")) if kept.exists() else _made_up(house.clock.now())
    if known["is_seeded"]:
        return
    _keep(kept, known)
    drafter, decider = await _operators(house, known["operators"])
    await _merchant(house, drafter)
    supplier = SupplierDraft(SUPPLIER, "易充", charger.api_url, charger.secret)
    await house.handlers.suppliers.add(drafter, supplier, request_id="demo")
    begun_at = datetime.fromisoformat(known["begun_at"])
    seeds = [
        *_seeds(begun_at),
        *(_for_sale(on_bills=house.settings.carrier.is_set) if house.settings.pay.is_set else ()),
    ]
    offers = {each.code: await _offer(house, drafter, decider, each, folder) for each in seeds}
    await open_games(house, drafter, offers, begun_at)
    if house.settings.pay.is_set:
        await open_money(house, drafter, offers)
    await _gold_cards(house, folder)
    invited = await house.handlers.clerks.invite(
        drafter,
        merchant=MERCHANT,
        store=STORE,
        role=ClerkRole.CLERK,
        name="小林",
        lasting=timedelta(hours=72),
        request_id="demo",
    )
    await accept(invited.value.token)
    _keep(kept, known | {"is_seeded": True})


def _made_up(now: datetime) -> dict[str, Any]:
    operators = [{"login": login, "password": secrets.token_urlsafe(24)} for login in ("yunying", "shenhe")]
    return {"is_seeded": False, "begun_at": now.isoformat(), "operators": operators}


def _keep(path: Path, known: Mapping[str, object]) -> None:
    path.write_text(json.dumps(known, ensure_ascii=False, indent=2), "utf-8")
    path.chmod(0o600)


async def _operators(house: House, wanted: list[dict[str, str]]) -> tuple[Operator, Operator]:
    """One who brings benefits in and one who decides about them; with what an authenticator needs to sign in."""
    handlers = house.handlers.operators
    token = house.settings.operator.bootstrap_token
    first = await handlers.bootstrap(token=token.get_secret_value() if token else "", **wanted[0], request_id="demo")
    drafter = _acting(first.value.operator)
    second = await handlers.add(drafter, **wanted[1], role=OperatorRole.ADMIN, organization_id=None, request_id="demo")
    for one, made in zip(wanted, (first, second), strict=True):
        one["otpauth_uri"] = made.value.otpauth_uri or ""
    return drafter, _acting(second.value.operator)


def _acting(view: OperatorView) -> Operator:
    return Operator(view.id, view.organization_id, view.role, view.login, session_id=new_id())


async def _merchant(house: House, by: Operator) -> None:
    handlers = house.handlers
    for code, name in CITIES.items():
        await handlers.organizations.add(by, code=code, name=name, kind=OrganizationKind.CITY, request_id=code)
    terms = MerchantTerms(MerchantTier.CLOSE, MerchantAccess.OWN_VOUCHER, "文化", operator_share_bp=6_000)
    await handlers.merchants.add(
        by, code=MERCHANT, name="江南书店", organization_id=None, request_id="demo", terms=terms
    )
    places = {
        STORE: ("湖滨店", StoreChange(address="杭州市上城区延安路 1 号", position=Position(30_254_100, 120_164_000))),
        "S2": ("天一店", StoreChange(address="宁波市海曙区中山东路 1 号", position=Position(29_868_300, 121_551_000))),
    }
    for code, (name, details) in places.items():
        await handlers.stores.add(by, merchant=MERCHANT, code=code, name=name, request_id=code, details=details)
    gold = KindDraft(code="gold", name="金卡", digit_count=12, prefix="88", merchant=MERCHANT, is_issued=False)
    await handlers.card_kind_editing.add(by, gold, request_id="demo")


async def _offer(house: House, by: Operator, decider: Operator, each: _Seed, folder: Path) -> UUID:
    handlers = house.handlers
    is_ours = each.kind in {BenefitKind.VOUCHER, BenefitKind.PARTNER_COUPON}
    place = await _city(house, by, each.city) if each.city else None
    draft = BenefitDraft(
        code=each.code,
        name=each.name,
        kind=each.kind,
        terms=each.terms,
        organization_id=place,
        merchant=MERCHANT if is_ours else None,
        description=each.description,
        category="生活",
        settlement_price_fen=each.settlement_price_fen,
    )
    benefit = (await handlers.benefits.add(by, draft, request_id=each.code)).value
    if each.kind is BenefitKind.CODE_COUPON:
        await _codes(house, by, each, folder)
    await handlers.benefit_reviews.submit(by, benefit.id, request_id=each.code)
    await handlers.benefit_reviews.accept(decider, benefit.id, request_id=each.code)
    offer = OfferDraft(benefit.id, each.code, each.offer, each.keyword, place)
    kept = (await handlers.offer_editing.draft(by, offer, request_id=each.code)).value
    await handlers.offer_editing.publish(by, kept.id, request_id=each.code)
    return kept.id


async def _city(house: House, by: Operator, code: str) -> Any:
    listed = await house.handlers.organizations.listing(by, after=None, limit=100)
    return next(each.id for each in listed if each.code == code)


async def _codes(house: House, by: Operator, each: _Seed, folder: Path) -> None:
    """A third party's codes, by the file as `import-codes` takes it."""
    pool = each.terms["pool"]
    await house.handlers.operator_code_pools.add(by, PoolDraft(pool, f"{each.name}码", each.code), request_id=pool)
    file = folder / "film-codes.csv"
    if not file.exists():
        file.write_text("\n".join(["券码", *(f"FILM-{secrets.token_hex(5).upper()}" for _ in range(CODES))]), "utf-8")
    async for _ in CodeImports(house.clock, _vault(house)).run(examine(file), pool=pool):
        pass


async def _gold_cards(house: House, folder: Path) -> None:
    """Cards that were sold over the counter, to be bound with their PIN."""
    bodies = [f"88{number:09d}" for number in range(1, GOLD_CARDS + 1)]
    file = folder / "gold-cards.csv"
    file.write_text("\n".join(["卡号,密码", *(f"{body}{check_digit(body)},{GOLD_PIN}" for body in bodies)]), "utf-8")
    async for _ in CardImports(house.clock, _vault(house), house.handlers.card_kinds).run(examine(file), kind="gold"):
        pass


def _vault(house: House) -> FieldVault:
    return FieldVault(house.settings.field_key_bytes(), house.settings.index_key_bytes())
