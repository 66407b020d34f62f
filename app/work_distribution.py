"""The jobs of distribution: commissions become available, days are counted, promoters are told."""

from contextlib import suppress
from datetime import datetime, time, timedelta
from uuid import UUID

from app.jobs import JobRegistry
from bot import texts_distribution as texts
from bot.texts import until
from handlers.catalogue import Handlers
from handlers.errors import NotSignedIn
from handlers.outbox import JobContext
from handlers.recurring import BUSINESS_ZONE, Daily, Every
from models.words import PromoterState


def add_distribution(registry: JobRegistry[Handlers]) -> None:
    """Each kind with who does it."""
    registry.every("release_commissions", Every(timedelta(minutes=1)), _release_commissions)
    registry.every("count_promoter_days", Daily(time(1, 30)), _count_promoter_days)
    registry.add("say_commission", _say_commission)
    registry.add("say_commission_back", _say_commission_back)
    registry.add("say_promoter", _say_promoter)


async def _release_commissions(handlers: Handlers, _: JobContext) -> None:
    await handlers.commission_releasing.sweep()


async def _count_promoter_days(handlers: Handlers, job: JobContext) -> None:
    await handlers.promoter_days.count(datetime.fromisoformat(job.payload["slot"]))


async def _say_commission(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    day = until(datetime.fromisoformat(said["until"]), BUSINESS_ZONE)
    text = texts.commission(said["number"], said["amount_fen"], day)
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _say_commission_back(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    with suppress(NotSignedIn):  # they have left since
        balance = await handlers.promoters.balance(UUID(said["member_id"]))
        text = texts.taken_back(said["number"], said["amount_fen"], balance)
        await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _say_promoter(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.decided(PromoterState(said["state"]), said["reason"])
    await handlers.notices.tell(member_id=said["member_id"], text=text)
