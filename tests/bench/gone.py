"""How soon a hot offer of 10,000 units is sold out, with 64 at once and more people than units."""

from pathlib import Path

from tests.bench.claiming import PRESSING, crowd, hot_offer, press, taken
from tests.bench.heavy import Heavy
from tests.bench.load import BadAnswers, told_by_wrk, write_feed
from tests.bench.town import Town

UNITS, PEOPLE = 10_000, 10_500
AT_MOST = 4.0  # seconds
PATIENCE = 20  # seconds, all of which wrk lasts
_SCRIPT = Path(__file__).with_name("gone.lua")


def gone(town: Town) -> list[Heavy]:
    """From the first press until the last unit's answer. Raises BadAnswers where one was promised twice, or lost."""
    people = crowd(town, PEOPLE)
    _warm_up(town, people[: 4 * PRESSING])
    offer_id = hot_offer(town.stores, stock=UNITS)
    feed = write_feed(town.home / "gone.tsv", (press(offer_id, token) for token in people))
    found = told_by_wrk(town.server.url, "POST", feed, seconds=PATIENCE, connections=PRESSING, script=_SCRIPT)
    there, made = taken(town.stores, offer_id, at_least=found["made"]), found["made"]
    if there > UNITS or found["failed"] or (made < UNITS and found["refused"]):
        raise BadAnswers(f"{there} of {UNITS} units are taken, and wrk saw {found}")
    seconds = found["microseconds"] / 1e6
    times = f"p50 {found['p50'] / 1e3:.0f} ms, p99 {found['p99'] / 1e3:.0f} ms"
    told = f"{made:,} in {seconds:.1f} s ({made / seconds:,.0f}/s), {times}; {there:,} claims are there"
    title = f"{UNITS:,} units gone, {PRESSING} at once, on {town.stores.pair}"
    return [Heavy(title, told, f"{AT_MOST:g} s", made == UNITS and seconds <= AT_MOST)]


def _warm_up(town: Town, people: list[str]) -> None:
    """An offer of which everybody gets one: the connections are open, the statements prepared."""
    offer_id = hot_offer(town.stores)
    feed = write_feed(town.home / "warm.tsv", (press(offer_id, token) for token in people))
    told_by_wrk(town.server.url, "POST", feed, seconds=1, connections=PRESSING, script=_SCRIPT)
