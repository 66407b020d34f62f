"""What is written straight from the objects of handlers is what their outer shapes would say, byte by byte."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from asyncpg.pgproto import pgproto
from pydantic import TypeAdapter

from handlers.claims.wallet import WalletItem, WalletSection
from handlers.offers.offer_sights import OfferSeen
from handlers.rules.offer_terms import Limit, Period, Price
from miniapp_api.member.claim_shapes import WalletItemOut, WalletSectionOut, section_json
from miniapp_api.member.offers import OfferOut, OneOfferOut, offer_piece
from miniapp_api.shapes import Out
from miniapp_api.written import mirrors, written
from models.words import BenefitKind, ClaimState

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

ITEM = WalletItem(
    id=uuid4(),
    offer_id=uuid4(),
    package_id=uuid4(),
    name='洗车"券"\n',
    kind=BenefitKind.VOUCHER,
    category="汽车",
    merchant="临江洗车",
    state=ClaimState.PARTLY_USED,
    uses_left=1,
    uses_total=2,
    claimed_at=NOON,
    expires_at=NOON + timedelta(microseconds=120),
    is_paused=True,
    recharge_tail="1234",
)
SEEN = OfferSeen(
    id=uuid4(),
    code="wash",
    keyword="洗车",
    version=3,
    title="洗车券",
    description="",
    category="汽车",
    kind=BenefitKind.PACKAGE,
    merchant_name=None,
    organization_id=uuid4(),
    is_flash_sale=False,
    claimable=False,
    reason="offer.sold_out",
    sentence="已领完",
    opens_at=NOON,
    closes_at=None,
    left=0,
    price=Price(fen=1, points=2, carrier_fen=3),
    original_price_fen=None,
    limits=(Limit(Period.EVER, 1), Limit(Period.DAY, 2)),
)


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        replace(ITEM, package_id=None, merchant=None, expires_at=None, recharge_tail=""),
        replace(ITEM, id=pgproto.UUID(str(uuid4()))),
        replace(ITEM, claimed_at=NOON.replace(microsecond=500_000)),
    ],
)
def test_a_row_of_a_wallet_is_what_its_shape_says(item):
    assert written(item) == TypeAdapter(WalletItemOut).dump_json(WalletItemOut.model_validate(item))


def test_a_section_is_what_its_shape_says():
    section = WalletSection((ITEM, ITEM), 7, (NOON, UUID(int=5)))
    told = section_json(section)
    shape = WalletSectionOut(
        items=[WalletItemOut.of(ITEM), WalletItemOut.of(ITEM)], count=7, next_cursor=told["next_cursor"]
    )
    assert written(told) == shape.model_dump_json().encode()


@pytest.mark.parametrize("seen", [SEEN, replace(SEEN, left=None, reason=None, sentence=None, limits=())])
def test_an_offer_is_what_its_shape_says_also_as_a_piece_of_a_page(seen):
    shape = OneOfferOut(offer=OfferOut.model_validate(seen), server_time=NOON)
    assert written({"offer": offer_piece(seen), "server_time": NOON}) == shape.model_dump_json().encode()


def test_what_has_no_shape_of_its_own_is_not_written():
    with pytest.raises(TypeError):
        written({"secret": object()})


def test_a_field_that_the_shape_does_not_know_is_found_when_the_module_is_loaded():
    @dataclass
    class Known:
        name: str
        secret: str

    class Shape(Out):
        name: str

    with pytest.raises(TypeError, match="secret"):
        mirrors(Shape, Known)
