"""What must hold of check-ins and tasks in every committed state, each as one pass over its tables."""

from models.sql import Both
from models.statements.checkins import RUNS

_STREAK = "SELECT c.id FROM check_in c JOIN ({runs}) r ON r.id = c.id WHERE r.streak <> c.streak_count"
# A mended day gives no daily reward; every other one gives what its version says.
_DAILY = """
    SELECT c.id FROM check_in c JOIN check_in_terms t ON t.id = c.terms_id LEFT JOIN (
        SELECT act_id, COUNT(*) AS number FROM given_reward WHERE act = 'check_in' AND part = 'daily' GROUP BY act_id
    ) g ON g.act_id = c.id
    WHERE COALESCE(g.number, 0) <> CASE WHEN c.is_made_up THEN 0 ELSE {promised} END
"""
_TASK = """
    SELECT f.id FROM finished_task f JOIN task_version v ON v.task_id = f.task_id AND v.number = f.version LEFT JOIN (
        SELECT act_id, COUNT(*) AS number FROM given_reward WHERE act = 'task' GROUP BY act_id
    ) g ON g.act_id = f.id
    WHERE COALESCE(g.number, 0) <> {promised}
"""

RULES: tuple[tuple[str, str | Both], ...] = (
    (
        "连续签到天数和按日子重算的一致",
        Both(
            postgres=_STREAK.format(runs=RUNS.postgres),
            sqlite=_STREAK.format(runs=RUNS.sqlite),
        ),
    ),
    (
        "每次签到都给了当天的奖励，补签不给",
        Both(
            postgres=_DAILY.format(promised="jsonb_array_length(CAST(t.terms AS jsonb) -> 'daily')"),
            sqlite=_DAILY.format(promised="json_array_length(t.terms, '$.daily')"),
        ),
    ),
    (
        "每个完成的任务都给了它的奖励",
        Both(
            postgres=_TASK.format(promised="jsonb_array_length(CAST(v.terms AS jsonb) -> 'rewards')"),
            sqlite=_TASK.format(promised="json_array_length(v.terms, '$.rewards')"),
        ),
    ),
    (
        "签到和任务的奖励都属于一次签到或一个完成的任务",
        """
        SELECT g.id FROM given_reward g LEFT JOIN check_in c ON c.id = g.act_id AND c.member_id = g.member_id
        LEFT JOIN finished_task f ON f.id = g.act_id AND f.member_id = g.member_id
        WHERE (g.act = 'check_in') <> (c.id IS NOT NULL) OR (g.act = 'task') <> (f.id IS NOT NULL)
        """,
    ),
    (
        "奖励的积分和补签卡等于它的流水",
        """
        SELECT g.id FROM given_reward g LEFT JOIN transfer t ON t.id = g.given_id
        WHERE g.amount > g.wanted OR (g.kind <> 'benefit' AND g.amount <> COALESCE(t.amount, 0))
        """,
    ),
    (
        "同一个人的同一天只用一张补签卡，每个补签日都用了一张",
        """
        SELECT c.id FROM check_in c LEFT JOIN transfer t ON t.cause_kind = 'makeup' AND t.cause_id = CAST(c.id AS TEXT)
        WHERE c.is_made_up <> (t.id IS NOT NULL) OR COALESCE(t.amount, 1) <> 1
        """,
    ),
)
