"""Card numbers, what proves a card, its states, and the lines of a legacy file."""

from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.card_numbers import IssuedNumbers, NumberForm, is_possible, is_well_formed, normalise
from handlers.rules.card_proofs import Kept, Shown, is_proven, normalise_name
from handlers.rules.card_rows import header, read
from handlers.rules.card_states import MOVES, sources
from handlers.rules.file_rows import HeaderRefused, RowRefused
from handlers.rules.numbers import check_digit
from models.words import CardStatus

FORM = NumberForm("60", 13)
LEGACY = NumberForm("66", 12)


def legacy_number(body: int) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


@given(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_two_members_never_get_the_same_number(one, other):
    numbers = IssuedNumbers("member", FORM)
    assert (numbers.number(one) == numbers.number(other)) == (one == other)
    assert is_well_formed(numbers.number(one), FORM)


def test_issued_numbers_fill_a_small_space_without_a_gap():
    numbers = IssuedNumbers("any", NumberForm("", 11))
    assert len({numbers.number(ordinal) for ordinal in range(1, 20_001)}) == 20_000


@given(st.integers(1, 2**31 - 1), st.integers(2, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(ordinal, place, off):
    number = IssuedNumbers("member", FORM).number(ordinal)
    wrong = number[:place] + str((int(number[place]) + off) % 10) + number[place + 1 :]
    assert not is_well_formed(wrong, FORM)


@pytest.mark.parametrize("number", ["", "6" * 13, "61" + "0" * 11, "６０" + "0" * 11, "60abc00000000"])
def test_what_is_no_number_of_the_kind_is_refused(number):
    assert not is_well_formed(number, FORM)


def test_full_width_digits_spaces_and_hyphens_are_read_as_meant():
    assert normalise(" ６６００-0000 0000　8 ") == "6600000000008"


def test_an_issued_kind_needs_room_for_every_ordinal():
    assert is_possible(NumberForm("60", 13), issued=True)
    assert not is_possible(NumberForm("60", 12), issued=True)
    assert is_possible(NumberForm("60", 12), issued=False)
    assert not is_possible(NumberForm("6x", 13), issued=False)
    with pytest.raises(ValueError, match="room"):
        IssuedNumbers("small", NumberForm("", 8))


def test_nothing_leaves_replaced_and_only_free_or_found_cards_are_bound():
    assert not [move for move in MOVES if move[0] is CardStatus.REPLACED]
    assert sources(CardStatus.BOUND) == {CardStatus.UNBOUND, CardStatus.LOST}
    assert all((state, state) not in MOVES for state in CardStatus)


STORE = uuid4()
KEPT = Kept("phone", "pin", "name", STORE)


@pytest.mark.parametrize(
    "shown",
    [
        Shown("phone"),
        Shown(pin_hash="pin"),
        Shown(name_hash="name", store_id=STORE),
        Shown("phone", "pin", "name", STORE),
    ],
)
def test_each_proof_alone_and_all_together_are_enough(shown):
    assert is_proven(KEPT, shown)


@pytest.mark.parametrize(
    "shown",
    [
        Shown(),
        Shown("other"),
        Shown("phone", "wrong"),  # one that fits does not excuse one that does not
        Shown(name_hash="name"),
        Shown(name_hash="name", store_id=uuid4()),
        Shown(store_id=STORE),
    ],
)
def test_less_or_wrong_is_not(shown):
    assert not is_proven(KEPT, shown)


def test_a_card_that_nothing_is_known_of_cannot_be_proven():
    every = product(("", "a"), ("", "b"), ("", "c"), (None, STORE))
    assert not any(is_proven(Kept(), Shown(*shown)) for shown in every)


def test_names_are_compared_without_spaces_dots_and_case():
    assert normalise_name("阿依古丽·买买提") == normalise_name(" 阿依古丽 买买提")
    assert normalise_name("Li Ｍing") == "liming"


def test_the_header_may_be_chinese_or_english_in_any_order():
    assert header("手机号,卡号,积分") == ("phone", "number", "balance")
    assert header("number,pin") == ("number", "pin")


@pytest.mark.parametrize(
    "line", ["卡号", "手机号,姓名", "卡号,手机号,电话", "卡号,卡号,密码", "卡号,姓名", '"卡号,密码', ""]
)
def test_wrong_columns_are_refused(line):
    with pytest.raises(HeaderRefused):
        header(line)


COLUMNS = ("number", "phone", "name", "pin", "store", "balance")


def test_a_line_is_read():
    card = read(f"{legacy_number(7)},139 1234 5670,李明,,S1,120", COLUMNS, LEGACY)
    assert (card.number, card.phone, card.name, card.pin, card.store, card.balance) == (
        legacy_number(7), "13912345670", "李明", "", "S1", 120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{legacy_number(1)[:-1]}x,13912345670,,,,", "number.wrong"),
        (",13912345670,,,,", "number.missing"),
        (f"{legacy_number(1)},12345,,,,", "phone.wrong"),
        (f"{legacy_number(1)},,,,,5", "proof.missing"),
        (f"{legacy_number(1)},,李明,,,5", "proof.missing"),
        (f"{legacy_number(1)},13912345670,,,,1.5", "balance.wrong"),
        (f"{legacy_number(1)},13912345670,,,,-1", "row.formula"),
        (f"{legacy_number(1)},13912345670,=HYPERLINK(1),,,", "row.formula"),
        (f"{legacy_number(1)},13912345670", "row.columns"),
        (f'{legacy_number(1)},"13912345670,,,,', "row.malformed"),
        (f"{legacy_number(1)},13912345670,\x00,,,", "row.malformed"),
        (f"{legacy_number(1)},13912345670,{'长' * 65},,,", "name.too_long"),
        (f"{legacy_number(1)},13912345670,,,,9999999999", "balance.wrong"),
    ],
)
def test_a_bad_line_is_refused_by_a_code_that_repeats_nothing_of_it(line, code):
    with pytest.raises(RowRefused) as refusal:
        read(line, COLUMNS, LEGACY)
    assert refusal.value.code == code
