"""What the models of the ledger cannot say: one account each, narrow indexes, append-only tables, holds closed once."""

from tortoise import migrations

from models.operations import RunSqlOn, append_only, both

_CLOSED = "a hold is closed once, and never goes"
_CHANGED = """
    OLD.state <> 'open' OR NEW.state = 'open' OR NEW.id <> OLD.id OR NEW.account_id <> OLD.account_id
    OR NEW.credit_id <> OLD.credit_id OR NEW.amount <> OLD.amount OR NEW.cause_kind <> OLD.cause_kind
    OR NEW.cause_id <> OLD.cause_id OR NEW.leg <> OLD.leg OR NEW.expires_at <> OLD.expires_at
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0026_ledger")]

    initial = False

    operations = [
        both(
            """CREATE UNIQUE INDEX ledger_account_owned ON ledger_account (member_id, programme_id, unit, kind)
            WHERE member_id IS NOT NULL""",
            """CREATE UNIQUE INDEX ledger_account_own ON ledger_account (programme_id, unit, kind)
            WHERE member_id IS NULL""",
            # What can be spent, in the order in which it is.
            "CREATE INDEX ledger_lot_there ON ledger_lot (account_id, expires_at, id) WHERE left_amount > 0",
            # What the sweeps look at.
            """CREATE INDEX ledger_lot_expiring ON ledger_lot (expires_at)
            WHERE left_amount > 0 AND expires_at IS NOT NULL""",
            """CREATE INDEX ledger_lot_maturing ON ledger_lot (available_at)
            WHERE left_amount > 0 AND available_at IS NOT NULL""",
            "CREATE INDEX ledger_hold_open ON ledger_hold (expires_at) WHERE state = 'open'",
            "CREATE INDEX ledger_hold_of ON ledger_hold (account_id) WHERE state = 'open'",
            "CREATE INDEX transfer_reversal ON transfer (reverses_id) WHERE reverses_id IS NOT NULL",
        ),
        append_only("transfer"),
        append_only("ledger_checkpoint"),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION ledger_hold_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_CLOSED}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER ledger_hold_no_change BEFORE UPDATE ON ledger_hold
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION ledger_hold_closes_once()
                """,
                """
                CREATE TRIGGER ledger_hold_no_delete BEFORE DELETE ON ledger_hold
                FOR EACH ROW EXECUTE FUNCTION ledger_hold_closes_once()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER ledger_hold_no_change BEFORE UPDATE ON ledger_hold WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_CLOSED}'); END
                """,
                f"""
                CREATE TRIGGER ledger_hold_no_delete BEFORE DELETE ON ledger_hold
                BEGIN SELECT RAISE(ABORT, '{_CLOSED}'); END
                """,
            ],
        ),
    ]
