"""What is done after the answer and by the clock: each kind of job, with the handler that does it."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from app.jobs import JobRegistry, add_housekeeping
from app.work_distribution import add_distribution
from app.work_money import add_money
from bot import draw_texts, on_prizes, texts
from handlers.accounts.mini_program_links import MiniProgramLink
from handlers.catalogue import Handlers
from handlers.outbox import JobContext
from handlers.recurring import BUSINESS_ZONE, Daily, Every
from handlers.rules.replies import SaidMiniProgram

Registry = JobRegistry[Handlers]


def work() -> Registry:
    """Every kind of job, with who does it, and what recurs."""
    registry: Registry = JobRegistry()
    add_housekeeping(registry)
    add_distribution(registry)
    add_money(registry)
    registry.every("seal_audit", Every(timedelta(seconds=15)), _seal_audit)
    registry.every("rotate_keys", Every(timedelta(minutes=10)), _rotate_keys)
    registry.every("anchor_audit", Every(timedelta(hours=1)), _anchor_audit)
    registry.every("watch_code_pools", Every(timedelta(minutes=5)), _watch_code_pools)
    registry.add("note_low_code_pool", _note_low_code_pool)
    registry.every("expire_claims", Every(timedelta(minutes=5)), _expire_claims)
    registry.every("settle_ledger", Every(timedelta(minutes=1)), _settle_ledger)
    registry.every("checkpoint_ledger", Daily(time(1)), _checkpoint_ledger)
    registry.every("forget_nonces", Every(timedelta(minutes=10)), _forget_nonces)
    registry.every("credit_purchases", Every(timedelta(minutes=1)), _credit_purchases)
    registry.every("close_offline_days", Every(timedelta(hours=1)), _close_offline_days)
    registry.every("remind_expiring", Daily(time(10)), _remind_expiring)
    registry.add("say_expiring", _say_expiring)
    registry.every("remind_points", Daily(time(10)), _remind_points)
    registry.add("say_points_expiring", _say_points_expiring)
    registry.add("say_level", _say_level)
    registry.every("judge_levels", Every(timedelta(minutes=5)), _judge_levels)
    registry.add("raise_levels", _raise_levels)
    registry.every("remind_levels", Daily(time(10)), _remind_levels)
    registry.add("say_level_ending", _say_level_ending)
    registry.every("plan_level_rights", Daily(time(0, 10)), _plan_level_rights)
    registry.add("give_level_right", _give_level_right)
    registry.add("give_level_rights", _give_level_rights)
    registry.every("commit_draws", Every(timedelta(hours=1)), _commit_draws)
    registry.every("reveal_draws", Daily(time(1)), _reveal_draws)
    registry.every("lapse_parcels", Every(timedelta(hours=1)), _lapse_parcels)
    registry.add("say_parcel_waits", _say_parcel_waits)
    registry.every("lapse_prizes", Every(timedelta(hours=1)), _lapse_prizes)
    registry.add("say_prize_waits", _say_prize_waits)
    registry.add("say_prize_lapsed", _say_prize_lapsed)
    registry.every("remind_prizes", Daily(time(10)), _remind_prizes)
    registry.add("say_prizes_ending", _say_prizes_ending)
    registry.every("watch_odds", Daily(time(3)), _watch_odds)
    registry.add("note_odds_alarm", _note_odds_alarm)
    # Two hours after the day: what was redeemed at its end can be taken back for so long.
    registry.every("plan_closings", Daily(time(2)), _plan_closings)
    registry.add("close_days", _close_days)
    registry.every("plan_sealing", Every(timedelta(minutes=10)), _plan_sealing)
    registry.add("seal_parts", _seal_parts)
    registry.add("run_grant", _run_grant)
    registry.add("say_granted", _say_granted)
    registry.add("say_revoked", _say_revoked)
    registry.add("recognise_kind", _recognise_kind)
    registry.add("say_bound", _say_bound)
    registry.add("send_text", _send_text)
    registry.add("say_redeemed", _say_redeemed)
    registry.add("finish_tasks", _finish_tasks)
    registry.add("say_reversed", _say_reversed)
    registry.add("place_top_up", _place_top_up)
    registry.every("poll_top_ups", Every(timedelta(seconds=15)), _poll_top_ups)
    registry.add("settle_outside_hold", _settle_outside_hold)
    registry.add("return_outside_points", _return_outside_points)
    registry.every("poll_outside_holds", Every(timedelta(seconds=15)), _poll_outside_holds)
    registry.add("say_topped_up", _say_topped_up)
    registry.add("say_top_up_failed", _say_top_up_failed)
    registry.add("say_voided", _say_voided)
    registry.add("offer_binding", _offer_binding)
    registry.add("send_mini_program_card", _send_mini_program_card)
    registry.add("learn_unionid", _learn_unionid)
    registry.add("sweep_departure", _sweep_departure)
    return registry


async def _seal_audit(handlers: Handlers, _: JobContext) -> None:
    await handlers.audit_chain.seal()


async def _rotate_keys(handlers: Handlers, _: JobContext) -> None:
    await handlers.key_rotation.go_on()


async def _anchor_audit(handlers: Handlers, _: JobContext) -> None:
    await handlers.audit_chain.anchor()


async def _watch_code_pools(handlers: Handlers, _: JobContext) -> None:
    await handlers.code_stock.watch()


async def _note_low_code_pool(handlers: Handlers, job: JobContext) -> None:
    await handlers.code_stock.note(job)


async def _expire_claims(handlers: Handlers, _: JobContext) -> None:
    await handlers.claim_expiry.sweep()


async def _settle_ledger(handlers: Handlers, _: JobContext) -> None:
    await handlers.hold_expiry.sweep()
    await handlers.ledger_due.sweep()


async def _checkpoint_ledger(handlers: Handlers, job: JobContext) -> None:
    await handlers.ledger_checkpoints.take(datetime.fromisoformat(job.payload["slot"]))


async def _forget_nonces(handlers: Handlers, _: JobContext) -> None:
    await handlers.channel_gate.forget()


async def _credit_purchases(handlers: Handlers, _: JobContext) -> None:
    await handlers.waiting_purchases.look()
    await handlers.waiting_purchases.collect()


async def _close_offline_days(handlers: Handlers, _: JobContext) -> None:
    await handlers.offline_cut_off.close_due()


async def _remind_expiring(handlers: Handlers, job: JobContext) -> None:
    await handlers.claim_reminders.plan(datetime.fromisoformat(job.payload["slot"]))


async def _say_expiring(handlers: Handlers, job: JobContext) -> None:
    account, member_id = job.payload["account"], job.payload["member_id"]
    soon = await handlers.claim_reminders.due(account=account, member_id=member_id)
    if soon is not None:
        text = texts.expiring(list(soon.names), texts.until(soon.ends_at, BUSINESS_ZONE))
        await handlers.notices.send_text(account=account, member_id=member_id, text=text)


async def _remind_points(handlers: Handlers, job: JobContext) -> None:
    await handlers.points_reminders.plan(datetime.fromisoformat(job.payload["slot"]))


async def _say_points_expiring(handlers: Handlers, job: JobContext) -> None:
    account, member_id = job.payload["account"], job.payload["member_id"]
    soon = await handlers.points_reminders.due(account=account, member_id=member_id)
    if soon is not None:
        text = texts.points_expiring(soon.points, texts.until(soon.ends_at, BUSINESS_ZONE))
        await handlers.notices.send_text(account=account, member_id=member_id, text=text)


async def _say_level(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.level_moved(said["level"], is_up=said["is_up"])
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _judge_levels(handlers: Handlers, _: JobContext) -> None:
    await handlers.level_judging.sweep()


async def _raise_levels(handlers: Handlers, job: JobContext) -> None:
    await handlers.level_judging.raise_some(job)


async def _remind_levels(handlers: Handlers, job: JobContext) -> None:
    await handlers.level_reminders.plan(datetime.fromisoformat(job.payload["slot"]))


async def _say_level_ending(handlers: Handlers, job: JobContext) -> None:
    account, member_id = job.payload["account"], job.payload["member_id"]
    soon = await handlers.level_reminders.due(account=account, member_id=member_id)
    if soon is not None:
        text = texts.level_ending(soon.level, soon.missing, texts.until(soon.judged_at, BUSINESS_ZONE))
        await handlers.notices.send_text(account=account, member_id=member_id, text=text)


async def _plan_level_rights(handlers: Handlers, job: JobContext) -> None:
    await handlers.level_rights_giving.plan(datetime.fromisoformat(job.payload["slot"]))


async def _give_level_right(handlers: Handlers, job: JobContext) -> None:
    await handlers.level_rights_giving.go_on(job)


async def _give_level_rights(handlers: Handlers, job: JobContext) -> None:
    await handlers.level_rights_giving.reach(UUID(job.payload["member_id"]))


async def _commit_draws(handlers: Handlers, _: JobContext) -> None:
    await handlers.draw_revealing.commit_ahead()


async def _reveal_draws(handlers: Handlers, _: JobContext) -> None:
    await handlers.draw_revealing.reveal_due()


async def _lapse_parcels(handlers: Handlers, _: JobContext) -> None:
    await handlers.parcels.lapse()


async def _say_parcel_waits(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.parcel_waits(said["prize"], texts.until(datetime.fromisoformat(said["until"]), BUSINESS_ZONE))
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _lapse_prizes(handlers: Handlers, _: JobContext) -> None:
    await handlers.due_prizes.lapse()


async def _say_prize_waits(handlers: Handlers, job: JobContext) -> None:
    said, waits = job.payload, await handlers.due_prizes.waiting(UUID(job.payload["prize_id"]))
    if waits is not None:
        link = _mini_program_link(waits.link, waits.public_url) if waits.link else None
        until = texts.until(waits.deadline_at, BUSINESS_ZONE)
        text = draw_texts.prize_waits(waits.name, waits.asks, until, link, is_again=said["is_again"])
        await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _say_prize_lapsed(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.tell(member_id=job.payload["member_id"], text=draw_texts.prize_lapsed(job.payload["prize"]))


async def _remind_prizes(handlers: Handlers, job: JobContext) -> None:
    await handlers.prize_reminders.plan(datetime.fromisoformat(job.payload["slot"]))


async def _say_prizes_ending(handlers: Handlers, job: JobContext) -> None:
    waiting = await handlers.prize_reminders.due(job.payload)
    if waiting is not None:
        link = _mini_program_link(waiting.link, waiting.public_url) if waiting.link else None
        text = on_prizes.told(waiting, link)
        await handlers.notices.tell(member_id=job.payload["member_id"], text=text)


async def _watch_odds(handlers: Handlers, _: JobContext) -> None:
    await handlers.odds_watch.watch()


async def _note_odds_alarm(handlers: Handlers, job: JobContext) -> None:
    await handlers.odds_watch.note(job)


async def _plan_closings(handlers: Handlers, job: JobContext) -> None:
    await handlers.statement_closing.plan(datetime.fromisoformat(job.payload["slot"]))


async def _close_days(handlers: Handlers, job: JobContext) -> None:
    until = date.fromisoformat(job.payload["until"])
    await handlers.statement_closing.up_to(UUID(job.payload["merchant_id"]), until)


async def _plan_sealing(handlers: Handlers, job: JobContext) -> None:
    await handlers.sealing.plan(datetime.fromisoformat(job.payload["slot"]))


async def _seal_parts(handlers: Handlers, job: JobContext) -> None:
    await handlers.sealing.of_merchant(UUID(job.payload["merchant_id"]))


async def _run_grant(handlers: Handlers, job: JobContext) -> None:
    await handlers.granting.go_on(job)


async def _say_granted(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    ends_at = datetime.fromisoformat(said["until"]) if said["until"] else None
    text = texts.granted(said["title"], said["count"], texts.until(ends_at, BUSINESS_ZONE))
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _say_revoked(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.tell(member_id=job.payload["member_id"], text=texts.revoked(job.payload["benefit"]))


async def _recognise_kind(handlers: Handlers, job: JobContext) -> None:
    await handlers.cards.recognise_kind(UUID(job.payload["kind_id"]), round_=job.payload.get("round", "0"))


async def _say_bound(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    await handlers.tasks.after(job, UUID(said["member_id"]))
    text = texts.bound(said["card_kind"], said["last4"], said["also"])
    await handlers.notices.send_text(account=said["account"], member_id=said["member_id"], text=text)


async def _finish_tasks(handlers: Handlers, job: JobContext) -> None:
    await handlers.tasks.finish_all(UUID(job.payload["member_id"]))


async def _say_redeemed(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    await handlers.tasks.after(job, UUID(said["member_id"]))
    text = texts.redeemed_for_member(said["benefit"], said["store"], said["uses_left"])
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _say_reversed(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.reversed_for_member(said["benefit"], said["store"])
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _place_top_up(handlers: Handlers, job: JobContext) -> None:
    await handlers.top_up_orders.look(UUID(job.payload["fulfillment_id"]))


async def _poll_top_ups(handlers: Handlers, _: JobContext) -> None:
    await handlers.top_up_orders.poll()


async def _settle_outside_hold(handlers: Handlers, job: JobContext) -> None:
    await handlers.outside_holds.look(UUID(job.payload["hold_id"]))


async def _poll_outside_holds(handlers: Handlers, _: JobContext) -> None:
    await handlers.outside_holds.poll()
    await handlers.outside_returns.poll()


async def _return_outside_points(handlers: Handlers, job: JobContext) -> None:
    await handlers.outside_returns.look(UUID(job.payload["share_id"]))


async def _say_topped_up(handlers: Handlers, job: JobContext) -> None:
    told = await handlers.top_up_orders.told(UUID(job.payload["fulfillment_id"]))
    if told is not None:
        text = texts.topped_up(told.benefit, told.tail)
        await handlers.notices.tell(member_id=job.payload["member_id"], text=text)


async def _say_top_up_failed(handlers: Handlers, job: JobContext) -> None:
    told = await handlers.top_up_orders.told(UUID(job.payload["fulfillment_id"]))
    if told is not None:
        await handlers.notices.tell(member_id=job.payload["member_id"], text=texts.top_up_failed(told.benefit))


async def _say_voided(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.tell(
        member_id=job.payload["member_id"], text=texts.voided_for_member(job.payload["benefit"])
    )


async def _offer_binding(handlers: Handlers, job: JobContext) -> None:
    offered = await handlers.assisting.offered(job.payload)
    if offered is not None:
        link = _mini_program_link(offered.link, offered.public_url)
        text = texts.bind_offered(offered.kind_name, link, offered.minutes)
        await handlers.notices.tell(member_id=job.payload["member_id"], text=text)


def _mini_program_link(way: MiniProgramLink, fallback: str) -> str:
    return texts.mini_program_link("点这里", app_id=way.app_id, path=way.path, url=way.url, fallback=fallback)


async def _send_text(handlers: Handlers, job: JobContext) -> None:
    payload = job.payload
    await handlers.notices.send_text(account=payload["account"], member_id=payload["member_id"], text=payload["text"])


async def _send_mini_program_card(handlers: Handlers, job: JobContext) -> None:
    account, member_id, card = job.payload["account"], job.payload["member_id"], job.payload["card"]
    # A mapping in a payload is kept as pairs, so that its order survives.
    await handlers.notices.send_mini_program_card(
        account=account, member_id=member_id, card=SaidMiniProgram(**dict(card))
    )


async def _learn_unionid(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.learn_unionid(account=job.payload["account"], member_id=job.payload["member_id"])


async def _sweep_departure(handlers: Handlers, job: JobContext) -> None:
    await handlers.departures.sweep_again(job.payload["erased_id"])
