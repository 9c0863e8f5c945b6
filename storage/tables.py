"""The tables. Every query of the store finds its rows by an index declared here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from avatar.records import Axis, Finish, NoticeKind, Role, Status, TrainingType, Why
from storage.columns import Id, Json, Place, UtcTime, Words, choice

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of those rows only that wait for something: it stays as small as they are few."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# Ids are never given twice (buttons and conversations hold them), which SQLite has to be told.
_NEVER_AGAIN = {"sqlite_autoincrement": True}

people = Table(
    "people",
    metadata,
    _id(),
    Column("platform", String(32), nullable=False),
    Column("external_id", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("home", Place),  # where they can be written to alone
    UniqueConstraint("platform", "external_id"),
    **_NEVER_AGAIN,
)

avatars = Table(
    "avatars",
    metadata,
    _id(),
    Column("slug", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("base_model", Words, nullable=False),
    Column("active_prompt_id", Id),
    Column("active_model_id", Id),
    Column("visibility", String(32), nullable=False, server_default="public"),
    Column("created_at", UtcTime, nullable=False),
    Column("versions_made", Integer, nullable=False, server_default="0"),  # the last number given
    UniqueConstraint("slug"),
    # With the avatar's own id in the key, a pointer to another avatar's version cannot be written.
    ForeignKeyConstraint(
        ["active_prompt_id", "id"],
        ["avatar_training_data.id", "avatar_training_data.avatar_id"],
        name="fk_avatars_active_prompt",
        use_alter=True,
    ),
    ForeignKeyConstraint(
        ["active_model_id", "id"],
        ["avatar_training_data.id", "avatar_training_data.avatar_id"],
        name="fk_avatars_active_model",
        use_alter=True,
    ),
    CheckConstraint("active_prompt_id <> active_model_id", name="pointers_differ"),
    CheckConstraint("visibility IN ('public', 'private')", name="visibility"),
    Index("ix_avatars_visibility", "visibility", "id"),
    **_NEVER_AGAIN,
)

avatar_owners = Table(
    "avatar_owners",
    metadata,
    _id(),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("added_by", Id, ForeignKey("people.id")),
    Column("added_at", UtcTime, nullable=False),
    UniqueConstraint("avatar_id", "person_id"),
    Index("ix_avatar_owners_person_id", "person_id", "avatar_id"),
    **_NEVER_AGAIN,
)

versions = Table(
    "avatar_training_data",
    metadata,
    _id(),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("training_type", choice(TrainingType, "training_type"), nullable=False),
    Column("status", choice(Status, "status"), nullable=False),
    Column("note", Words, nullable=False, server_default=""),
    Column("created_by", Id, ForeignKey("people.id")),
    Column("created_at", UtcTime, nullable=False),
    Column("prompt", Words),
    Column("provider", Words),
    Column("base_model", Words),
    Column("fine_tuned_model_id", Words),
    Column("source", Words),
    Column("origin_id", Id, ForeignKey("avatar_training_data.id")),
    Column("example_count", Integer, nullable=False, server_default="0"),
    Column("estimated_tokens", BigInteger),
    Column("trained_tokens", BigInteger),
    Column("epochs", Integer),
    Column("estimated_cost", BigInteger),
    Column("actual_cost", BigInteger),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("error", Words),
    Column("error_code", Words),
    Column("deleted_at", UtcTime),
    Column("model_deleted_at", UtcTime),
    UniqueConstraint("avatar_id", "number"),
    UniqueConstraint("id", "avatar_id"),  # what the avatar's pointers refer to
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint(
        "training_type <> 'prompt_update' OR status = 'completed'", name="prompts_are_completed"
    ),
    CheckConstraint(
        "training_type <> 'prompt_update' OR (prompt IS NULL) = (deleted_at IS NOT NULL)",
        name="prompts_have_text",
    ),
    CheckConstraint(
        "training_type <> 'fine_tune' OR (provider IS NOT NULL AND base_model IS NOT NULL)",
        name="fine_tunes_have_provider",
    ),
    Index("ix_avatar_training_data_status", "avatar_id", "status", "id"),
    **_NEVER_AGAIN,
)

drafts = Table(
    "training_drafts",
    metadata,
    _id(),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("source", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("base_model", Words, nullable=False),
    Column("example_count", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("origin_id", Id, ForeignKey("avatar_training_data.id")),
    Column("version_id", Id, ForeignKey("avatar_training_data.id")),
    UniqueConstraint("version_id"),
    Index("ix_training_drafts_person_id", "person_id"),
    Index("ix_training_drafts_expires_at", "expires_at"),
    **_NEVER_AGAIN,
)

examples = Table(
    "training_examples",
    metadata,
    _id(),
    Column("version_id", Id, ForeignKey("avatar_training_data.id")),
    Column("draft_id", Id, ForeignKey("training_drafts.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),  # 0, 1, 2… without a gap
    Column("content", Text, nullable=False),  # turns and weights, see storage.plain
    Column("tokens", Integer, nullable=False),
    Column("source", Words, nullable=False),
    UniqueConstraint("version_id", "position"),
    UniqueConstraint("draft_id", "position"),
    CheckConstraint("(version_id IS NULL) <> (draft_id IS NULL)", name="one_holder"),
    **_NEVER_AGAIN,
)

jobs = Table(
    "fine_tune_jobs",
    metadata,
    _id(),
    Column("version_id", Id, ForeignKey("avatar_training_data.id"), nullable=False),
    Column("key", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("hyperparameters", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_poll_at", UtcTime, nullable=False),
    Column("remote_file_id", Words),
    Column("create_attempted_at", UtcTime),
    Column("remote_job_id", Words),
    Column("remote_status", Words),
    Column("last_event_id", Words),
    Column("step", Integer),
    Column("total_steps", Integer),
    Column("loss", Float),
    Column("estimated_finish", UtcTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("cancel_requested_at", UtcTime),
    Column("waiting_told_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("address", Place),
    Column("progress_message_id", Words),
    Column("lease_owner", Words),
    Column("lease_until", UtcTime),
    UniqueConstraint("version_id"),
    UniqueConstraint("key"),
    _partial("ix_fine_tune_jobs_due", "next_poll_at", where="ended_at IS NULL"),
    **_NEVER_AGAIN,
)

job_events = Table(
    "fine_tune_events",
    metadata,
    _id(),
    Column("job_id", Id, ForeignKey("fine_tune_jobs.id", ondelete="CASCADE"), nullable=False),
    Column("remote_id", Words, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("level", String(32), nullable=False),
    Column("message", Words, nullable=False),
    Column("data", Json, nullable=False),
    UniqueConstraint("job_id", "remote_id"),
    Index("ix_fine_tune_events_job_id", "job_id", "id"),
    **_NEVER_AGAIN,
)

activations = Table(
    "activations",
    metadata,
    _id(),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("axis", choice(Axis, "axis"), nullable=False),
    Column("from_id", Id, ForeignKey("avatar_training_data.id")),
    Column("to_id", Id, ForeignKey("avatar_training_data.id")),
    Column("why", choice(Why, "why"), nullable=False),
    Column("person_id", Id, ForeignKey("people.id")),
    Column("at", UtcTime, nullable=False),
    Column("cause", Id),  # the inbox id of what asked for it, which may be gone by now
    UniqueConstraint("cause"),
    Index("ix_activations_avatar_id", "avatar_id", "id"),
    **_NEVER_AGAIN,
)

chats = Table(
    "chats",
    metadata,
    _id(),
    Column("platform", String(32), nullable=False),
    Column("bot", Words, nullable=False),
    Column("chat", Words, nullable=False),
    Column("thread", Words, nullable=False),
    Column("avatar_id", Id, ForeignKey("avatars.id")),
    Column("conversation_began_at", UtcTime, nullable=False),
    Column("conversation_after", Id, nullable=False, server_default="0"),
    UniqueConstraint("platform", "bot", "chat", "thread"),
    **_NEVER_AGAIN,
)

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("chat_id", Id, ForeignKey("chats.id"), nullable=False),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("role", choice(Role, "role"), nullable=False),
    Column("text", Words, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("person_id", Id, ForeignKey("people.id")),
    Column("answers", Id, ForeignKey("messages.id", ondelete="CASCADE")),
    Column("prompt_version_id", Id, ForeignKey("avatar_training_data.id")),
    Column("model_version_id", Id, ForeignKey("avatar_training_data.id")),
    Column("provider", Words),
    Column("model", Words),
    Column("prompt_tokens", Integer),  # these four are set on replies, together
    Column("completion_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("estimated", Boolean),
    Column("cost", BigInteger),
    Column("finish", choice(Finish, "finish")),
    Column("incoming_id", Id),  # an inbox id, which may be gone by now
    Column("superseded_at", UtcTime),  # when a newer reply to the same turn took its place
    UniqueConstraint("incoming_id", "role"),
    Index("ix_messages_chat_id", "chat_id", "id"),
    Index("ix_messages_person_id", "person_id"),
    Index("ix_messages_answers", "answers"),
    **_NEVER_AGAIN,
)

message_refs = Table(
    "message_refs",
    metadata,
    _id(),
    Column("platform", String(32), nullable=False),
    Column("bot", Words, nullable=False),
    Column("chat", Words, nullable=False),
    Column("thread", Words, nullable=False),
    Column("platform_id", Words, nullable=False),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    UniqueConstraint("platform", "bot", "chat", "thread", "platform_id"),
    Index("ix_message_refs_message_id", "message_id"),
    **_NEVER_AGAIN,
)

incoming = Table(
    "incoming",
    metadata,
    _id(),
    Column("platform", String(32), nullable=False),
    Column("bot", Words, nullable=False),
    Column("update_id", Words, nullable=False),
    Column("author", Words),  # the platform's id of who wrote it; wiped with the payload
    Column("payload", Json),  # see storage.plain; wiped when it is answered
    Column("received_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("done_at", UtcTime),
    UniqueConstraint("platform", "bot", "update_id"),
    CheckConstraint("payload IS NULL OR done_at IS NULL", name="wiped_when_done"),
    _partial("ix_incoming_unanswered", "id", where="payload IS NOT NULL"),
    Index("ix_incoming_author", "platform", "author"),
    Index("ix_incoming_received_at", "received_at"),
    **_NEVER_AGAIN,
)

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("kind", choice(NoticeKind, "kind"), nullable=False),
    Column("key", Words, nullable=False),
    Column("address", Place, nullable=False),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("version_id", Id, ForeignKey("avatar_training_data.id")),
    Column("data", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", UtcTime),  # NULL: nothing is owed any more
    Column("finished_at", UtcTime),  # delivered, or given up: then `error` says why
    Column("error", Words),
    Column("lease_owner", Words),
    Column("lease_until", UtcTime),
    UniqueConstraint("key"),
    CheckConstraint("(due_at IS NULL) = (finished_at IS NOT NULL)", name="owed_or_finished"),
    _partial("ix_notices_due", "due_at", where="due_at IS NOT NULL"),
    Index("ix_notices_finished_at", "finished_at"),
    **_NEVER_AGAIN,
)

confirmations = Table(
    "confirmations",
    metadata,
    _id(),
    Column("action", Words, nullable=False),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Index("ix_confirmations_person_id", "person_id"),
    Index("ix_confirmations_expires_at", "expires_at"),
    **_NEVER_AGAIN,
)

# Rolled up by month: /cost reads a few rows, and what a person takes back stays counted.
spending = Table(
    "spending",
    metadata,
    _id(),
    Column("avatar_id", Id, ForeignKey("avatars.id"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("version_id", Id, nullable=False),  # 0: the base model (NULLs are never equal)
    Column("model", Words, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    UniqueConstraint("avatar_id", "month", "kind", "version_id", "model"),
    CheckConstraint("kind IN ('chat', 'training', 'compare')", name="kind"),
    **_NEVER_AGAIN,
)
