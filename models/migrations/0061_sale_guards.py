"""A sale's part is assigned to a statement once, and every statement of before is booked as those from now on are."""

from tortoise import migrations

from models.operations import RunSqlOn, both

_STAYS = "the part of a sale is assigned to a statement once, and never goes"
_SAME = (
    "id",
    "created_at",
    "order_claim_id",
    "merchant_id",
    "benefit_id",
    "amount_fen",
    "settlement_fen",
    "happened_at",
)
_CHANGED = " OR ".join(
    [
        "OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL",
        *(f"NEW.{column} <> OLD.{column}" for column in _SAME),
        "COALESCE(CAST(NEW.reverses_id AS text), '') <> COALESCE(CAST(OLD.reverses_id AS text), '')",
    ]
)

# What was confirmed is on the ledger already; the rest is booked now, as its closing would do it today.
_UNBOOKED = """
    SELECT s.id, s.created_at, s.closed_at, s.redeemed_operator_fen - s.reversed_operator_fen AS amount
    FROM settlement_statement s WHERE s.redeemed_operator_fen <> s.reversed_operator_fen AND NOT EXISTS (
        SELECT 1 FROM transfer t WHERE t.cause_kind = 'statement' AND t.cause_id = CAST(s.id AS text) AND t.leg = 0)
"""
_ACCOUNTS = f"""
    INSERT INTO ledger_account (id, created_at, programme_id, unit, kind, has_lots)
    SELECT {{new_id}}, w.at, p.id, 'fen', k.kind, false
    FROM (SELECT min(created_at) AS at FROM ({_UNBOOKED}) u) w, programme p,
        (SELECT 'cost' AS kind UNION ALL SELECT 'merchants') k
    WHERE p.code = 'main' AND w.at IS NOT NULL ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own words
# Nothing is written before a checkpoint that was taken.
_TRANSFERS = f"""
    INSERT INTO transfer (id, created_at, programme_id, unit, debit_id, credit_id, amount, cause_kind, cause_id, leg,
        happened_at)
    SELECT {{new_id}}, u.closed_at, c.programme_id, 'fen', CASE WHEN u.amount > 0 THEN c.id ELSE m.id END,
        CASE WHEN u.amount > 0 THEN m.id ELSE c.id END, abs(u.amount), 'statement', CAST(u.id AS text), 0,
        {{later}}(u.closed_at, COALESCE((SELECT max(k.until) FROM ledger_checkpoint k), u.closed_at))
    FROM ({_UNBOOKED}) u, programme p
    JOIN ledger_account c ON c.programme_id = p.id AND c.unit = 'fen' AND c.kind = 'cost'
    JOIN ledger_account m ON m.programme_id = p.id AND m.unit = 'fen' AND m.kind = 'merchants'
    WHERE p.code = 'main'
"""  # noqa: S608
_SQLITE_ID = "lower(" + " || '-' || ".join(f"hex(randomblob({size}))" for size in (4, 2, 2, 2, 6)) + ")"


class Migration(migrations.Migration):
    dependencies = [("models", "0060_sales")]

    initial = False

    operations = [
        both(
            # What closing looks at, however much was settled before.
            "CREATE INDEX sale_entry_open ON sale_entry (merchant_id, happened_at) WHERE statement_id IS NULL",
            "CREATE UNIQUE INDEX sale_entry_once ON sale_entry (order_claim_id) WHERE reverses_id IS NULL",
        ),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION sale_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER sale_entry_no_change BEFORE UPDATE ON sale_entry
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION sale_entry_stays()
                """,
                """
                CREATE TRIGGER sale_entry_no_delete BEFORE DELETE ON sale_entry
                FOR EACH ROW EXECUTE FUNCTION sale_entry_stays()
                """,
                """
                CREATE TRIGGER sale_entry_no_truncate BEFORE TRUNCATE ON sale_entry
                FOR EACH STATEMENT EXECUTE FUNCTION sale_entry_stays()
                """,
                _ACCOUNTS.format(new_id="gen_random_uuid()"),
                _TRANSFERS.format(new_id="gen_random_uuid()", later="GREATEST"),
            ],
            sqlite=[
                f"""
                CREATE TRIGGER sale_entry_no_change BEFORE UPDATE ON sale_entry WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
                f"""
                CREATE TRIGGER sale_entry_no_delete BEFORE DELETE ON sale_entry
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
                _ACCOUNTS.format(new_id=_SQLITE_ID),
                _TRANSFERS.format(new_id=_SQLITE_ID, later="max"),
            ],
        ),
    ]
