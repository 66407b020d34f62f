"""What is open of a merchant is read in the order of ids, a page at a time: an index that has it so."""

from tortoise import migrations

from models.operations import both


class Migration(migrations.Migration):
    dependencies = [("models", "0024_void_request_guards")]

    initial = False

    operations = [
        both(
            "DROP INDEX settlement_entry_open",
            # With the instant, so that the first open day of a merchant is found in the index alone.
            """
            CREATE INDEX settlement_entry_open ON settlement_entry (merchant_id, id, happened_at)
            WHERE statement_id IS NULL
            """,
        ),
    ]
