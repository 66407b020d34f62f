"""What the models cannot say: partial uniques and indexes, append-only triggers, the series of ordinals."""

from tortoise import migrations

from models.operations import append_only, both, series


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    initial = False

    operations = [
        both(
            # One living owner per value; revoked rows are history and may repeat.
            "CREATE UNIQUE INDEX identifier_active_value ON identifier (namespace, scope, value_hash)"
            " WHERE status = 'active'",
            # Exclusive namespaces alone: of others a member may hold several.
            "CREATE UNIQUE INDEX identifier_one_per_member ON identifier (member_id, namespace, scope)"
            " WHERE status = 'active' AND namespace IN ('wx_unionid', 'wx_openid', 'phone')",
            "CREATE INDEX identifier_value_hash ON identifier (value_hash)",
            "CREATE UNIQUE INDEX consent_one_open ON consent (member_id, purpose) WHERE withdrawn_at IS NULL",
            # The expression is the same for every root, so a second one collides with the first.
            "CREATE UNIQUE INDEX organization_one_root ON organization ((parent_id IS NULL)) WHERE parent_id IS NULL",
            "CREATE INDEX job_ready ON job (run_at) WHERE state = 'ready'",
            # Of jobs that share an order key only the oldest may run.
            "CREATE INDEX job_order ON job (order_key, id) WHERE order_key IS NOT NULL",
            # Whatever a requeue and two claims do at the same moment, never two of them at once.
            "CREATE UNIQUE INDEX job_one_running_per_order ON job (order_key) WHERE state = 'running'",
            "CREATE INDEX job_running ON job (lease_until) WHERE state = 'running'",
        ),
        append_only("identity_event"),
        series("member_ordinal"),
    ]
