"""Cards from before: a shop's file of them, taken in as finance does it."""

from pathlib import Path

from gateways.vault import FieldVault
from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.import_files import examine
from handlers.rules.numbers import check_digit
from models.database import atomic
from models.organizations import Organization
from models.programmes import Merchant, Store

KIND, NAME, PIN = "old", "老会员卡", "4321"
HOLDER, HOLDERS_PHONE = "李明", "13800000001"
PINS = range(10, 30)  # further cards with a PIN


def number(body: int = 1) -> str:
    """1 has a PIN, 2 a name and a store, 3 a phone; 10 to 29 have PINs."""
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


async def take_in(town, directory: Path) -> Store:
    """The shop's cards, none of them anybody's yet; the store that knows its customers by name."""
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    store = await Store.create(merchant=merchant, code="S1", name="湖滨店")
    house = town.house
    async with atomic():
        draft = KindDraft(KIND, NAME, digit_count=12, prefix="66", merchant="books", is_issued=False)
        await add_kind(draft, house.clock)
    house.handlers.card_kinds.forget()
    lines = [f"{number(1)},,,{PIN},", f"{number(2)},,{HOLDER},,S1", f"{number(3)},{HOLDERS_PHONE},,,"]
    lines += [f"{number(body)},,,{PIN}," for body in PINS]
    file = directory / "cards.csv"
    file.write_text("\n".join(["卡号,手机号,姓名,密码,门店", *lines]), "utf-8")
    vault = FieldVault(house.settings.field_key_bytes(), house.settings.index_key_bytes())
    async for _ in CardImports(house.clock, vault, house.handlers.card_kinds).run(examine(file), kind=KIND):
        pass
    return store
