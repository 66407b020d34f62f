"""Each redemption row gets its settlement entry from the database itself; an entry is assigned once, statements stay."""

from tortoise import migrations

from models.operations import RunSqlOn, append_only, both

_COLUMNS = "(id, created_at, redemption_id, merchant_id, happened_at)"
_STAYS = "a settlement entry is assigned to a statement once, and never goes"
_CHANGED = """
    OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL OR NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at
    OR NEW.redemption_id <> OLD.redemption_id OR NEW.merchant_id <> OLD.merchant_id
    OR NEW.happened_at <> OLD.happened_at
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0009_settlement")]

    initial = False

    operations = [
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION redemption_opens_entry() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO settlement_entry {_COLUMNS}
                    VALUES (NEW.id, NEW.created_at, NEW.id, NEW.merchant_id, NEW.redeemed_at);
                    RETURN NULL;
                END $$
                """,  # noqa: S608 - our own words
                """
                CREATE TRIGGER redemption_opens_entry AFTER INSERT ON redemption
                FOR EACH ROW EXECUTE FUNCTION redemption_opens_entry()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER redemption_opens_entry AFTER INSERT ON redemption
                BEGIN
                    INSERT INTO settlement_entry {_COLUMNS}
                    VALUES (NEW.id, NEW.created_at, NEW.id, NEW.merchant_id, NEW.redeemed_at);
                END
                """,  # noqa: S608
            ],
        ),
        both(
            # What was redeemed before there were statements is open too.
            f"""
            INSERT INTO settlement_entry {_COLUMNS}
            SELECT id, created_at, id, merchant_id, redeemed_at FROM redemption
            """,  # noqa: S608 - our own words
            # What closing a day looks at, however much was settled before.
            """
            CREATE INDEX settlement_entry_open ON settlement_entry (merchant_id, happened_at)
            WHERE statement_id IS NULL
            """,
            # What was redeemed lately, of every merchant.
            "CREATE INDEX redemption_by_time ON redemption (redeemed_at, id)",
        ),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION settlement_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER settlement_entry_no_change BEFORE UPDATE ON settlement_entry
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION settlement_entry_stays()
                """,
                """
                CREATE TRIGGER settlement_entry_no_delete BEFORE DELETE ON settlement_entry
                FOR EACH ROW EXECUTE FUNCTION settlement_entry_stays()
                """,
                """
                CREATE TRIGGER settlement_entry_no_truncate BEFORE TRUNCATE ON settlement_entry
                FOR EACH STATEMENT EXECUTE FUNCTION settlement_entry_stays()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER settlement_entry_no_change BEFORE UPDATE ON settlement_entry WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
                f"""
                CREATE TRIGGER settlement_entry_no_delete BEFORE DELETE ON settlement_entry
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
            ],
        ),
        append_only("settlement_terms"),
        append_only("settlement_statement"),
    ]
