"""Every cipher under the current key, while the house goes on working."""

import asyncio
import base64

import pytest
from tortoise import Tortoise, fields

from gateways.vault import FieldVault, generate_key
from handlers import key_rotation
from handlers.identity.merging import profile_bound_to
from handlers.identity.proofs import bound_to
from handlers.key_rotation import (
    COLUMNS,
    KeyRotation,
    KeyUse,
    Rotated,
    key_uses,
    rotate_keys,
    stale_ciphers,
    unreadable_ciphers,
)
from handlers.membership.member_views import Profile
from models.accounts import Account
from models.identity import Identifier, Member
from models.ids import new_id
from models.linking import BoundNumber
from models.operators import Operator
from models.organizations import Organization
from models.words import Namespace, OperatorRole
from tests.fakes import FIELD_KEYS, INDEX_KEY

OLD = base64.b64decode(FIELD_KEYS.split('"')[3])
NEW = generate_key()
INDEX = base64.b64decode(INDEX_KEY)


@pytest.fixture
def rotating() -> FieldVault:
    """The keys after an operator put a new one first."""
    return FieldVault({"k2": NEW, "k1": OLD}, INDEX)


async def _rotate(vault: FieldVault, **options: int) -> dict[str, Rotated]:
    """The last word on each column."""
    return {progress.name: progress async for progress in rotate_keys(vault, **options)}


async def _household(rooms, people: int = 3) -> None:
    """Something in every column; what has no use case of its own here is written as its owner writes it."""
    for number in range(people):
        person = await rooms.member(f"o-{number}", f"u-{number}", phone=f"1380013{number:04d}")
        await rooms.handlers.membership.change_profile(person, changes={"nickname": f"第{number}位"})
    for column, table, values in (
        (key_rotation.BOUND_NUMBER, BoundNumber, {"number_hash": "n" * 64, "tail": "1234", "proven_at": None}),
    ):
        row_id = new_id()
        cipher = rooms.vault.encrypt("13700000001", bound_to=column.bound_to(row_id))
        values = {**values, "proven_at": rooms.clock.now()}
        await table.create(id=row_id, member_id=person.member_id, number_cipher=cipher, **values)
    operator_id = new_id()
    await Operator.create(
        id=operator_id,
        organization=await Organization.get(parent=None),
        login="ada",
        role=OperatorRole.ADMIN,
        password_hash="-",
        totp_cipher=rooms.vault.encrypt("SECRET", bound_to=f"operator:{operator_id}:totp"),
    )


def test_every_cipher_column_of_every_table_is_rotated():
    declared = {(column.table, column.column) for column in COLUMNS}
    real = {
        (model._meta.db_table, name)
        for model in Tortoise.apps["models"].values()
        for name in model._meta.fields_map
        if name.endswith("_cipher")
    }
    assert declared == real


@pytest.fixture(autouse=True)
def _registered(rooms):
    """The tables are known once the database is connected."""


# Texts that anybody may read: draws are recomputed from them; a promoter's or an agreement's code is there to be shown.
PUBLISHED = {"draw_commitment.document", "spin.row", "promoter_link.picture", "co_brand_side.picture"}


def test_no_cipher_hides_in_a_column_of_another_name():
    """The rule above goes by names; so text columns without a length, which is what ciphers need, are all named so."""
    unnamed = {
        f"{model._meta.db_table}.{name}"
        for model in Tortoise.apps["models"].values()
        for name, field in model._meta.fields_map.items()
        if isinstance(field, fields.TextField) and not name.endswith("_cipher")
    }
    assert unnamed == PUBLISHED


def test_ciphers_are_bound_as_their_owners_bind_them():
    from handlers.cards.recognition import card_bound_to
    from handlers.operators.operator_sessions import totp_bound_to

    row_id = new_id()
    by_name = {column.name: column.bound_to(row_id) for column in COLUMNS}
    assert by_name["identifier.value_cipher"] == bound_to(row_id)
    assert by_name["member.profile_cipher"] == profile_bound_to(row_id)
    assert by_name["card.number_cipher"] == card_bound_to(row_id)
    assert by_name["operator.totp_cipher"] == totp_bound_to(row_id)


async def test_everything_is_moved_to_the_current_key_and_reads_the_same_without_the_old_one(rooms, rotating):
    await _household(rooms)
    assert {use.key_id for use in await key_uses()} == {"k1"}
    done = await _rotate(rotating)
    assert set(done) == {column.name for column in COLUMNS}
    assert done["identifier.value_cipher"].renewed == 9
    assert done["member.profile_cipher"].renewed == 3
    assert done["account.secret_cipher"].renewed == 2
    assert done["operator.totp_cipher"].renewed == 1
    assert done["bound_number.number_cipher"].renewed == 1
    assert {use.key_id for use in await key_uses()} == {"k2"}
    assert await stale_ciphers(rotating) == []
    alone = FieldVault({"k2": NEW}, INDEX)
    for identifier in await Identifier.filter(namespace=Namespace.WX_OPENID):
        assert alone.decrypt(identifier.value_cipher, bound_to=bound_to(identifier.id)).startswith("o-")
    for account in await Account.all():
        assert alone.decrypt(account.secret_cipher, bound_to=f"account:{account.id}:secret")


async def test_a_second_run_finds_nothing_to_do(rooms, rotating):
    await _household(rooms)
    await _rotate(rotating)
    before = {each.id: each.value_cipher for each in await Identifier.all()}
    assert {progress.renewed for progress in (await _rotate(rotating)).values()} == {0}
    assert {each.id: each.value_cipher for each in await Identifier.all()} == before


async def test_an_interrupted_run_is_taken_up_where_it_ended(rooms, rotating):
    await _household(rooms, people=4)
    seen = 0
    rotation = rotate_keys(rotating, batch=2)
    async for progress in rotation:
        seen += progress.renewed
        if progress.name == "identifier.value_cipher":
            break  # killed after its first batch
    await rotation.aclose()
    left = {use.name: use.number for use in await stale_ciphers(rotating)}
    assert left["identifier.value_cipher"] == 10
    done = await _rotate(rotating, batch=2)
    assert done["identifier.value_cipher"].renewed == 10
    assert done["account.secret_cipher"].renewed == 0
    assert await stale_ciphers(rotating) == []


async def test_batches_cover_every_row_once(rooms, rotating):
    await _household(rooms, people=7)
    assert (await _rotate(rotating, batch=3))["identifier.value_cipher"].renewed == 21


async def test_what_is_written_meanwhile_stays_as_it_was_written(rooms, rotating):
    """Processes of both configurations write while the rotation goes over the table; nothing is lost or undone."""
    rooms.handlers.membership._vault = FieldVault({"k1": OLD, "k2": NEW}, INDEX)  # not yet switched over
    people = [await rooms.member(f"o-{number}") for number in range(12)]
    for number, person in enumerate(people):
        await rooms.handlers.membership.change_profile(person, changes={"nickname": f"前{number}"})

    async def write() -> None:
        for round_ in range(6):
            for number, person in enumerate(people):
                await rooms.handlers.membership.change_profile(person, changes={"nickname": f"后{number}-{round_}"})

    async def rotate() -> None:
        for _ in range(12):
            await _rotate(rotating, batch=2)

    await asyncio.gather(write(), rotate())
    for number, person in enumerate(people):
        member = await Member.get(id=person.member_id)
        plain = rotating.decrypt(member.profile_cipher, bound_to=profile_bound_to(member.id))
        assert f"后{number}-5" in plain
    await _rotate(rotating)
    assert await stale_ciphers(rotating) == []


async def test_without_the_guard_a_change_made_meanwhile_would_be_lost(rooms, rotating, monkeypatch):
    """The negative control of the test above: a write without `AND cipher = old` brings the old value back."""
    person = await rooms.member("o-slow")
    await rooms.handlers.membership.change_profile(person, changes={"nickname": "旧名字"})
    write = key_rotation._write
    interrupted: list[bool] = []

    async def slowly(column, renewed):
        if column.name == "member.profile_cipher" and renewed and not interrupted:
            interrupted.append(True)
            await rooms.handlers.membership.change_profile(person, changes={"nickname": "新名字"})
        return await write(column, renewed)

    async def name() -> str:
        member = await Member.get(id=person.member_id)
        return rotating.decrypt(member.profile_cipher, bound_to=profile_bound_to(member.id))

    monkeypatch.setattr(key_rotation, "_write", slowly)
    done = await _rotate(rotating)
    assert done["member.profile_cipher"].renewed == 0
    assert "新名字" in await name()

    guarded = key_rotation.statements.renew

    def unguarded(table: str, column: str):
        both = guarded(table, column)
        drop = f" AND {table}.{column} = renewed.old"
        assert drop in both.postgres
        return type(both)(postgres=both.postgres.replace(drop, ""), sqlite=both.sqlite.replace(drop, ""))

    await rooms.handlers.membership.change_profile(person, changes={"nickname": "旧名字"})
    interrupted.clear()
    monkeypatch.setattr(key_rotation.statements, "renew", unguarded)
    await _rotate(rotating)
    assert "旧名字" in await name()


async def test_a_key_that_is_missing_is_named_and_keeps_nothing_else_from_being_rotated(rooms, rotating):
    await _household(rooms)
    lost = (await Identifier.all().order_by("id"))[0]
    await Identifier.filter(id=lost.id).update(value_cipher="gone.AAAA")
    done = await _rotate(rotating, batch=2)
    assert (done["identifier.value_cipher"].renewed, done["identifier.value_cipher"].unreadable) == (8, 1)
    assert await unreadable_ciphers(rotating) == [KeyUse("identifier.value_cipher", "gone", 1)]
    assert await stale_ciphers(rotating) == [KeyUse("identifier.value_cipher", "gone", 1)]
    assert (await Identifier.get(id=lost.id)).value_cipher == "gone.AAAA"


async def test_a_key_whose_name_begins_like_another_is_told_apart(rooms):
    await rooms.member("o-a")
    vault = FieldVault({"k": NEW, "k1": OLD}, INDEX)
    assert (await _rotate(vault))["identifier.value_cipher"].renewed == 1
    assert {use.key_id for use in await key_uses()} == {"k"}


async def test_people_go_on_as_before_under_the_new_key(rooms, rotating):
    person = await rooms.member("o-ming", phone="13800138001")
    await rooms.handlers.membership.change_profile(person, changes={"nickname": "小明"})
    await _rotate(rotating)
    rooms.handlers.membership._vault = rotating
    rooms.handlers.personal_data._vault = rotating
    view = await rooms.handlers.membership.view(person)
    assert view.profile == Profile(nickname="小明")
    exported = await rooms.handlers.personal_data.export(person)
    assert {each.value for each in exported.identifiers} == {"o-ming", "13800138001"}


async def test_the_worker_rotates_by_itself_while_several_keys_are_configured(rooms, rotating):
    await _household(rooms)
    assert await KeyRotation(FieldVault({"k1": OLD}, INDEX)).go_on() == 0
    assert await KeyRotation(rotating).go_on() > 0
    assert await stale_ciphers(rotating) == []
    assert await KeyRotation(rotating).go_on() == 0


async def test_a_rotation_that_takes_long_stops_and_goes_on_where_it_was(rooms, rotating, monkeypatch):
    await _household(rooms, people=5)
    monkeypatch.setattr(key_rotation.rotate_keys, "__kwdefaults__", {"batch": 2})
    turns = 0
    while await stale_ciphers(rotating):
        await KeyRotation(rotating).go_on(seconds=0.0)
        turns += 1
    assert turns > 1
