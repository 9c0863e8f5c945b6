"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
# Avatars point to versions and versions to avatars: where constraints can be added later, they are.
POINTERS = ("active_prompt_id", "active_model_id")
TABLES = (  # in the order in which they can go
    "training_examples",
    "message_refs",
    "fine_tune_events",
    "training_drafts",
    "notices",
    "messages",
    "fine_tune_jobs",
    "activations",
    "spending",
    "confirmations",
    "chats",
    "avatar_training_data",
    "avatar_owners",
    "people",
    "incoming",
    "avatars",
)


def upgrade() -> None:
    op.create_table(
        "avatars",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("base_model", sa.String(length=256), nullable=False),
        sa.Column("active_prompt_id", ID, nullable=True),
        sa.Column("active_model_id", ID, nullable=True),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("versions_made", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "visibility IN ('public', 'private')", name=op.f("ck_avatars_visibility")
        ),
        sa.ForeignKeyConstraint(
            ["active_model_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_avatars_active_model_id_avatar_training_data"),
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["active_prompt_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_avatars_active_prompt_id_avatar_training_data"),
            use_alter=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avatars")),
        sa.UniqueConstraint("slug", name=op.f("uq_avatars_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_avatars_visibility_id", "avatars", ["visibility", "id"])

    op.create_table(
        "incoming",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("bot", sa.String(length=64), nullable=False),
        sa.Column("update_id", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming")),
        sa.UniqueConstraint(
            "platform", "bot", "update_id", name=op.f("uq_incoming_platform_bot_update_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_incoming_author_waiting",
        "incoming",
        ["platform", "author_id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_incoming_done_at", "incoming", ["done_at"])
    op.create_index(
        "ix_incoming_waiting",
        "incoming",
        ["id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )

    op.create_table(
        "people",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("home", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("platform", "external_id", name=op.f("uq_people_platform_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "avatar_owners",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("added_by", ID, nullable=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["added_by"], ["people.id"], name=op.f("fk_avatar_owners_added_by_people")
        ),
        sa.ForeignKeyConstraint(
            ["avatar_id"],
            ["avatars.id"],
            name=op.f("fk_avatar_owners_avatar_id_avatars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_avatar_owners_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avatar_owners")),
        sa.UniqueConstraint(
            "avatar_id", "person_id", name=op.f("uq_avatar_owners_avatar_id_person_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_avatar_owners_person_id", "avatar_owners", ["person_id"])

    op.create_table(
        "avatar_training_data",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("training_type", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("provider", sa.String(length=64), nullable=True),
        sa.Column("base_model", sa.String(length=256), nullable=True),
        sa.Column("fine_tuned_model_id", sa.String(length=256), nullable=True),
        sa.Column("source", sa.String(length=256), nullable=True),
        sa.Column("origin_id", ID, nullable=True),
        sa.Column("example_count", sa.Integer(), nullable=False),
        sa.Column("estimated_tokens", sa.BigInteger(), nullable=True),
        sa.Column("trained_tokens", sa.BigInteger(), nullable=True),
        sa.Column("epochs", sa.Integer(), nullable=True),
        sa.Column("estimated_cost", sa.BigInteger(), nullable=True),
        sa.Column("actual_cost", sa.BigInteger(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=128), nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("model_deleted_at", MOMENT, nullable=True),
        sa.Column("cause", ID, nullable=True),
        sa.CheckConstraint(
            "status IN ('training', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_avatar_training_data_status"),
        ),
        sa.CheckConstraint(
            "training_type IN ('prompt_update', 'fine_tune')",
            name=op.f("ck_avatar_training_data_training_type"),
        ),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_avatar_training_data_avatar_id_avatars")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["people.id"], name=op.f("fk_avatar_training_data_created_by_people")
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_avatar_training_data_origin_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avatar_training_data")),
        sa.UniqueConstraint(
            "avatar_id", "number", name=op.f("uq_avatar_training_data_avatar_id_number")
        ),
        sa.UniqueConstraint("cause", name=op.f("uq_avatar_training_data_cause")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_avatar_training_data_living",
        "avatar_training_data",
        ["avatar_id", "number"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_avatar_training_data_training",
        "avatar_training_data",
        ["avatar_id", "number"],
        sqlite_where=sa.text("status = 'training' AND deleted_at IS NULL"),
        postgresql_where=sa.text("status = 'training' AND deleted_at IS NULL"),
    )

    op.create_table(
        "chats",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("bot", sa.String(length=64), nullable=False),
        sa.Column("chat", sa.String(length=64), nullable=False),
        sa.Column("thread", sa.String(length=64), nullable=False),
        sa.Column("avatar_id", ID, nullable=True),
        sa.Column("conversation_began_at", MOMENT, nullable=False),
        sa.Column("conversation_after", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_chats_avatar_id_avatars")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chats")),
        sa.UniqueConstraint(
            "platform", "bot", "chat", "thread", name=op.f("uq_chats_platform_bot_chat_thread")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "confirmations",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_confirmations_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_confirmations_expires_at", "confirmations", ["expires_at"])
    op.create_index("ix_confirmations_person_id", "confirmations", ["person_id"])

    op.create_table(
        "spending",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("unpriced", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_spending_avatar_id_avatars")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spending")),
        sa.UniqueConstraint(
            "avatar_id",
            "month",
            "kind",
            "version_id",
            "model",
            name=op.f("uq_spending_avatar_id_month_kind_version_id_model"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "activations",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("axis", sa.String(length=16), nullable=False),
        sa.Column("from_id", ID, nullable=True),
        sa.Column("to_id", ID, nullable=True),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("cause", ID, nullable=True),
        sa.CheckConstraint("axis IN ('model', 'prompt')", name=op.f("ck_activations_axis")),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_activations_avatar_id_avatars")
        ),
        sa.ForeignKeyConstraint(
            ["from_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_activations_from_id_avatar_training_data"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_activations_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["to_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_activations_to_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
        sa.UniqueConstraint("cause", name=op.f("uq_activations_cause")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_activations_avatar_id_id", "activations", ["avatar_id", "id"])

    op.create_table(
        "fine_tune_jobs",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("hyperparameters", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_poll_at", MOMENT, nullable=False),
        sa.Column("remote_file_id", sa.String(length=256), nullable=True),
        sa.Column("create_attempted_at", MOMENT, nullable=True),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("remote_job_id", sa.String(length=256), nullable=True),
        sa.Column("remote_status", sa.String(length=64), nullable=True),
        sa.Column("last_event_id", sa.String(length=256), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("total_steps", sa.Integer(), nullable=True),
        sa.Column("loss", sa.Float(), nullable=True),
        sa.Column("estimated_finish", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("cancel_requested_at", MOMENT, nullable=True),
        sa.Column("waiting_told_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("address", sa.JSON(), nullable=True),
        sa.Column("progress_message_id", sa.String(length=64), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_fine_tune_jobs_version_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fine_tune_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_fine_tune_jobs_key")),
        sa.UniqueConstraint("version_id", name=op.f("uq_fine_tune_jobs_version_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_fine_tune_jobs_open",
        "fine_tune_jobs",
        ["next_poll_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "messages",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("answers", ID, nullable=True),
        sa.Column("prompt_version_id", ID, nullable=True),
        sa.Column("model_version_id", ID, nullable=True),
        sa.Column("provider", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=256), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("tokens_estimated", sa.Boolean(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("finish", sa.String(length=16), nullable=True),
        sa.Column("incoming_id", ID, nullable=True),
        sa.Column("superseded_at", MOMENT, nullable=True),
        sa.CheckConstraint("role IN ('user', 'assistant')", name=op.f("ck_messages_role")),
        sa.ForeignKeyConstraint(
            ["answers"],
            ["messages.id"],
            name=op.f("fk_messages_answers_messages"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_messages_avatar_id_avatars")
        ),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_messages_chat_id_chats")),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_messages_model_version_id_avatar_training_data"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_messages_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["prompt_version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_messages_prompt_version_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("incoming_id", "role", name=op.f("uq_messages_incoming_id_role")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_answers", "messages", ["answers"])
    op.create_index("ix_messages_chat_id_avatar_id_id", "messages", ["chat_id", "avatar_id", "id"])
    op.create_index("ix_messages_person_id", "messages", ["person_id"])

    op.create_table(
        "notices",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["avatar_id"], ["avatars.id"], name=op.f("fk_notices_avatar_id_avatars")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_notices_version_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_ended_at", "notices", ["ended_at"])
    op.create_index(
        "ix_notices_owed",
        "notices",
        ["next_try_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "training_drafts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("source", sa.String(length=256), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("base_model", sa.String(length=256), nullable=False),
        sa.Column("example_count", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("origin_id", ID, nullable=True),
        sa.Column("version_id", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["avatar_id"],
            ["avatars.id"],
            name=op.f("fk_training_drafts_avatar_id_avatars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_training_drafts_origin_id_avatar_training_data"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_training_drafts_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_training_drafts_version_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_drafts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_training_drafts_expires_at", "training_drafts", ["expires_at"])
    op.create_index("ix_training_drafts_person_id", "training_drafts", ["person_id"])

    op.create_table(
        "fine_tune_events",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("remote_id", sa.String(length=256), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["fine_tune_jobs.id"],
            name=op.f("fk_fine_tune_events_job_id_fine_tune_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fine_tune_events")),
        sa.UniqueConstraint(
            "job_id", "remote_id", name=op.f("uq_fine_tune_events_job_id_remote_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_fine_tune_events_job_id_id", "fine_tune_events", ["job_id", "id"])

    op.create_table(
        "message_refs",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("platform_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name=op.f("fk_message_refs_chat_id_chats")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_message_refs_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_refs")),
        sa.UniqueConstraint(
            "chat_id", "platform_id", name=op.f("uq_message_refs_chat_id_platform_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_refs_message_id", "message_refs", ["message_id"])

    op.create_table(
        "training_examples",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("draft_id", ID, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=320), nullable=False),
        sa.CheckConstraint(
            "(version_id IS NULL) <> (draft_id IS NULL)", name=op.f("ck_training_examples_one_home")
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["training_drafts.id"],
            name=op.f("fk_training_examples_draft_id_training_drafts"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["avatar_training_data.id"],
            name=op.f("fk_training_examples_version_id_avatar_training_data"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_examples")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_training_examples_draft_id_position", "training_examples", ["draft_id", "position"]
    )
    op.create_index(
        "ix_training_examples_version_id_position", "training_examples", ["version_id", "position"]
    )

    if op.get_bind().dialect.name != "sqlite":
        for pointer in POINTERS:
            op.create_foreign_key(
                f"fk_avatars_{pointer}_avatar_training_data",
                "avatars",
                "avatar_training_data",
                [pointer],
                ["id"],
            )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for pointer in POINTERS:
            op.drop_constraint(f"fk_avatars_{pointer}_avatar_training_data", "avatars")
    op.execute("UPDATE avatars SET active_prompt_id = NULL, active_model_id = NULL")
    for table in TABLES:
        op.drop_table(table)
