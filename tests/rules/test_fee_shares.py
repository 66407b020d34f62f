"""A fee that is split among merchants: never more than it, and nothing of it stays when all of it went back."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.fee_shares import WHOLE, FeeShare, goes_back, problems_of, split

paid = st.integers(1, 10_000_000)


@st.composite
def rules(draw) -> list[int]:
    """Shares that are at most the whole together."""
    left, found = WHOLE, []
    for _ in range(draw(st.integers(1, 6))):
        if left:
            found.append(draw(st.integers(1, left)))
            left -= found[-1]
    return found


@given(paid, rules())
def test_shares_never_pass_the_fee_and_none_loses_more_than_a_fen_to_rounding(fee, shares):
    parts = split(fee, shares)
    assert sum(parts) <= fee * sum(shares) // WHOLE <= fee
    assert all(0 <= fee * share - part * WHOLE < WHOLE for part, share in zip(parts, shares, strict=True))


@given(st.data(), paid, rules())
def test_part_refunds_in_any_order_leave_nothing_when_all_went_back(data, fee, shares):
    cuts = sorted(data.draw(st.sets(st.integers(1, fee), max_size=5)) | {fee})
    refunds = data.draw(st.permutations([after - before for before, after in zip([0, *cuts], cuts, strict=False)]))
    for part in split(fee, shares):
        refunded = back = 0
        for each in refunds:
            refunded += each
            more = goes_back(part, fee, refunded, back)
            assert 0 <= more <= part - back
            back += more
            assert part - back == part * (fee - refunded) // fee  # as one refund of as much would leave
        assert back == part


def test_a_half_of_an_odd_share_leaves_the_merchant_the_smaller_half():
    assert split(999, [3_333, 5_000]) == (332, 499)
    assert goes_back(499, 999, 500, 0) == 250
    assert goes_back(499, 999, 999, 250) == 249


def test_shares_are_refused_that_pass_the_whole_name_a_merchant_twice_or_give_nothing():
    def found(*shares: tuple[str, int]) -> set[str]:
        return {each.problem for each in problems_of([FeeShare(*share) for share in shares])}

    assert found(("a", 6_000), ("b", 4_000)) == set()
    assert found(("a", 6_000), ("b", 4_001)) == {"more_than_whole"}
    assert found(("a", 1), ("a", 1)) == {"merchant_twice"}
    assert found(("a", 0)) == {"out_of_range"}
    assert found(*((f"m{number}", 1) for number in range(21))) == {"too_many"}
