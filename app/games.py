"""The use cases of lucky draws, wired."""

from typing import TypedDict

from app.schema import Settings
from handlers.accounts.mini_program_links import MiniProgramLinks
from handlers.draws.draw_approvals import DrawApprovals
from handlers.draws.draw_editing import DrawEditing
from handlers.draws.draw_stock import DrawStock
from handlers.draws.draw_winners import DrawWinners
from handlers.draws.draws import Draws
from handlers.draws.due_prizes import DuePrizes
from handlers.draws.own_chances import OwnChances
from handlers.draws.parcels import Parcels
from handlers.draws.prize_reminders import PrizeReminders
from handlers.draws.revealing import Revealing
from handlers.draws.seeds import Seeds
from handlers.draws.spinning import Spinning
from handlers.draws.waiting_prizes import WaitingPrizes
from handlers.ports import Clock, Signer, Vault
from handlers.simulation.draw_outcomes import DrawOutcomes
from handlers.simulation.draw_simulating import DrawSimulating
from handlers.simulation.odds_watch import OddsWatch


class Games(TypedDict):
    """By the names that the catalogue has for them."""

    draw_approvals: DrawApprovals
    draw_editing: DrawEditing
    draw_outcomes: DrawOutcomes
    draw_revealing: Revealing
    draw_simulating: DrawSimulating
    draw_stock: DrawStock
    draw_winners: DrawWinners
    draws: Draws
    due_prizes: DuePrizes
    odds_watch: OddsWatch
    own_chances: OwnChances
    parcels: Parcels
    prize_reminders: PrizeReminders
    spinning: Spinning
    waiting_prizes: WaitingPrizes


def games(clock: Clock, vault: Vault, signer: Signer, links: MiniProgramLinks, settings: Settings) -> Games:
    """Over the given outside world."""
    seeds, draws = Seeds(vault), Draws(clock)
    waiting = WaitingPrizes(clock, links, settings.public_url)
    return Games(
        draw_approvals=DrawApprovals(clock, seeds, points_are_worth_money=settings.draw.points_are_worth_money),
        draw_editing=DrawEditing(clock, seeds, points_are_worth_money=settings.draw.points_are_worth_money),
        draw_outcomes=DrawOutcomes(clock, draws),
        draw_revealing=Revealing(clock, vault, signer, seeds),
        draw_simulating=DrawSimulating(clock),
        draw_stock=DrawStock(clock),
        draw_winners=DrawWinners(clock),
        draws=draws,
        due_prizes=DuePrizes(clock, vault, seeds, links, settings.public_url),
        odds_watch=OddsWatch(clock, draws),
        own_chances=OwnChances(clock),
        parcels=Parcels(clock, vault, seeds),
        prize_reminders=PrizeReminders(clock, waiting),
        spinning=Spinning(clock, vault, signer, seeds),
        waiting_prizes=waiting,
    )
