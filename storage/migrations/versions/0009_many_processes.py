"""Many processes: what is being shown, and procrastinate's tables on PostgreSQL.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# To fetch a job, procrastinate looks for earlier ones with its lock: with many waiting, that has to
# be a look into an index.
LOCK_INDEX = """
CREATE INDEX procrastinate_jobs_lock_waiting ON procrastinate_jobs (lock, priority, id)
WHERE status IN ('todo', 'doing')
"""
# A worker is told of new jobs, and not that one has become free because the one before it with the
# same lock is gone.
NEXT_OF_LOCK = """
CREATE FUNCTION procrastinate_notify_next_of_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM procrastinate_jobs WHERE lock = OLD.lock AND status = 'todo') THEN
        PERFORM pg_notify(
            'procrastinate_queue_v1#' || OLD.queue_name,
            json_build_object('type', 'job_inserted', 'job_id', OLD.id)::text
        );
    END IF;
    RETURN OLD;
END;
$$;
CREATE TRIGGER procrastinate_next_of_lock AFTER DELETE ON procrastinate_jobs
FOR EACH ROW WHEN (OLD.lock IS NOT NULL) EXECUTE FUNCTION procrastinate_notify_next_of_lock();
"""
DROP = """
DO $$
DECLARE
    each record;
BEGIN
    DROP TABLE IF EXISTS procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
        procrastinate_workers CASCADE;
    FOR each IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE 'DROP FUNCTION ' || each.name || ' CASCADE';
    END LOOP;
    DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_event_type,
        procrastinate_job_status CASCADE;
END;
$$
"""


def upgrade() -> None:
    json = sa.JSON(none_as_null=True)
    op.add_column("incoming", sa.Column("answer", json, nullable=True))
    op.add_column("incoming", sa.Column("shown", sa.Boolean(), nullable=True))
    op.add_column(
        "notices", sa.Column("perhaps", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("confirmations", sa.Column("cause", number, nullable=True))
    op.add_column("avatars", sa.Column("cause", number, nullable=True))
    op.create_index("ix_avatars_cause", "avatars", ["cause"], unique=True)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for script in (SchemaManager.get_schema(), LOCK_INDEX, NEXT_OF_LOCK):
            connection.exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(DROP.replace("%", "%%"))
    op.drop_index("ix_avatars_cause", "avatars")
    op.drop_column("avatars", "cause")
    op.drop_column("confirmations", "cause")
    op.drop_column("notices", "perhaps")
    op.drop_column("incoming", "shown")
    op.drop_column("incoming", "answer")
