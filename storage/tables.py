"""The tables, with the names that the users of the original system know.

Portable between SQLite and PostgreSQL. "Active" is a pointer on the avatar, so two active
versions of a kind cannot exist. Deleted versions stay as tombstones: their number is taken, their
cost counts.
"""

import sqlalchemy as sa

from storage.account_tables import account_chats, accounts, bots
from storage.columns import AUTO, Id, Json, Line, Moment, Words, id_, metadata, ref
from storage.door_tables import (
    acquaintances,
    budgets,
    guesses,
    invitations,
    links,
    places,
)

# Whoever imports `metadata` from here has all tables in it.
__all__ = [
    "account_chats",
    "accounts",
    "acquaintances",
    "bots",
    "budgets",
    "guesses",
    "invitations",
    "links",
    "metadata",
    "places",
]

people = sa.Table(
    "people",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("external_id", Line(64), nullable=False),
    sa.Column("name", Line(128), nullable=False),
    sa.Column("home", Json),  # the address where they can be written to alone
    # One person on several platforms has a row on each; all but the first name that one, and
    # everything they own, said and spent belongs to it.
    sa.Column("same_as", Id),
    sa.UniqueConstraint("platform", "external_id"),
    sa.Index(None, "same_as"),
    **AUTO,
)

avatars = sa.Table(
    "avatars",
    metadata,
    id_(),
    sa.Column("slug", sa.String(64), nullable=False, unique=True),
    sa.Column("name", Line(128), nullable=False),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("base_model", sa.String(256), nullable=False),
    sa.Column(
        "active_prompt_id",
        Id,
        sa.ForeignKey("avatar_training_data.id", use_alter=True),
    ),
    sa.Column(
        "active_model_id",
        Id,
        sa.ForeignKey("avatar_training_data.id", use_alter=True),
    ),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("versions_made", sa.Integer, nullable=False),  # the highest number given so far
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("cause", Id),  # the message that asked for it
    sa.Column("voice", Line(64)),
    sa.Column("picture", sa.String(16)),  # tells one picture from another
    # Its own limits; none: the installation's, see `avatar.limits`.
    sa.Column("messages_per_minute", sa.Integer),
    sa.Column("cost_per_day", sa.BigInteger),
    sa.Column("cost_per_month", sa.BigInteger),
    sa.CheckConstraint("visibility IN ('public', 'private')", name="visibility"),
    sa.Index(None, "visibility", "id"),
    sa.Index(None, "cause", unique=True),
    **AUTO,
)

pictures = sa.Table(
    "pictures",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    sa.Column("url", sa.Text, nullable=False),  # data:
    sa.UniqueConstraint("avatar_id"),
    **AUTO,
)

avatar_owners = sa.Table(
    "avatar_owners",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", cascade=True),
    ref("added_by", "people", nullable=True),
    sa.Column("added_at", Moment, nullable=False),
    sa.UniqueConstraint("avatar_id", "person_id"),
    sa.Index(None, "person_id"),
    **AUTO,
)

versions = sa.Table(
    "avatar_training_data",
    metadata,
    id_(),
    ref("avatar_id", "avatars"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("training_type", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("note", Words(), nullable=False),
    ref("created_by", "people", nullable=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("prompt", Words()),
    sa.Column("provider", sa.String(64)),
    sa.Column("base_model", sa.String(256)),
    sa.Column("method", sa.String(16), nullable=False, server_default="supervised"),
    sa.Column("fine_tuned_model_id", Line(256)),
    sa.Column("source", Line(256)),
    ref("origin_id", "avatar_training_data", nullable=True),
    sa.Column("example_count", sa.Integer, nullable=False),
    sa.Column("estimated_tokens", sa.BigInteger),
    sa.Column("trained_tokens", sa.BigInteger),
    sa.Column("epochs", sa.Integer),
    sa.Column("estimated_cost", sa.BigInteger),
    sa.Column("actual_cost", sa.BigInteger),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("error", Words()),
    sa.Column("error_code", Line(128)),
    sa.Column("deleted_at", Moment),
    sa.Column("model_deleted_at", Moment),
    sa.Column("unlearnt_at", Moment),
    sa.Column("screening", Json),
    sa.Column("cause", Id),  # the inbox id of what asked for a prompt
    sa.UniqueConstraint("avatar_id", "number"),
    sa.UniqueConstraint("cause"),
    sa.CheckConstraint("training_type IN ('prompt_update', 'fine_tune')", name="training_type"),
    sa.CheckConstraint("status IN ('training', 'completed', 'failed', 'cancelled')", name="status"),
    sa.Index(
        "ix_avatar_training_data_living",
        "avatar_id",
        "number",
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    sa.Index(
        "ix_avatar_training_data_tuned",
        "id",
        sqlite_where=sa.text("fine_tuned_model_id IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("fine_tuned_model_id IS NOT NULL AND deleted_at IS NULL"),
    ),
    sa.Index(
        "ix_avatar_training_data_model",
        "fine_tuned_model_id",
        sqlite_where=sa.text("fine_tuned_model_id IS NOT NULL"),
        postgresql_where=sa.text("fine_tuned_model_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_avatar_training_data_training",
        "avatar_id",
        "number",
        sqlite_where=sa.text("status = 'training' AND deleted_at IS NULL"),
        postgresql_where=sa.text("status = 'training' AND deleted_at IS NULL"),
    ),
    **AUTO,
)

training_drafts = sa.Table(
    "training_drafts",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", cascade=True),
    sa.Column("source", Line(256), nullable=False),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("base_model", sa.String(256), nullable=False),
    sa.Column("example_count", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    ref("origin_id", "avatar_training_data", nullable=True),
    ref("version_id", "avatar_training_data", nullable=True),
    sa.Column("import_id", Id),  # of `imports`; that may be tidied away earlier
    sa.Column("report", Json),
    sa.Column("counted_with", sa.String(32)),
    sa.Column("left_out", Json, nullable=False, server_default="{}"),
    sa.Column("method", sa.String(16), nullable=False, server_default="supervised"),
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id"),
    **AUTO,
)

# Chat exports that wait for choices: whose words, which chats, by which rules.
imports = sa.Table(
    "imports",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", cascade=True),
    sa.Column("address", Json, nullable=False),
    sa.Column("attachment", Json, nullable=False),
    sa.Column("format", sa.String(64), nullable=False),
    sa.Column("messages", sa.BigInteger, nullable=False),
    sa.Column("speakers", Json, nullable=False),
    sa.Column("chats", Json, nullable=False),
    sa.Column("chat_count", sa.Integer, nullable=False),
    sa.Column("speaker", Words()),
    sa.Column("chosen", Json),
    sa.Column("marked", Json, nullable=False, server_default="[]"),
    sa.Column("rules", Json, nullable=False),
    sa.Column("overview", Json),  # None: it is too large to be kept
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id"),
    **AUTO,
)

# Better answers that owners gave in the chat.
taught = sa.Table(
    "taught",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", nullable=True),
    sa.Column("turns", Json, nullable=False),  # [[role, text], …]
    sa.Column("better", Words(), nullable=False),
    sa.Column("worse", Words(), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("cause", Id, unique=True),
    sa.Column("reply_id", Id),  # of `messages`, which may be forgotten earlier
    sa.Column("liked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "avatar_id", "id"),
    sa.Index(None, "reply_id"),
    **AUTO,
)

# Whose words are in a taught answer, so that they can be forgotten: in groups the turns before a
# reply are others' too, and the messages may be gone by then.
taught_people = sa.Table(
    "taught_people",
    metadata,
    id_(),
    ref("taught_id", "taught", cascade=True),
    ref("person_id", "people", cascade=True),
    sa.Index(None, "taught_id"),
    sa.Index(None, "person_id"),
    **AUTO,
)

training_examples = sa.Table(
    "training_examples",
    metadata,
    id_(),
    ref("version_id", "avatar_training_data", nullable=True),
    ref("draft_id", "training_drafts", nullable=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("turns", Json, nullable=False),  # [[role, text, weight], …]
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("source", Line(320), nullable=False),
    sa.Column("rejected", Words()),  # preference pairs: the worse answer
    # Kept for evaluation and never trained on.
    sa.Column("held_out", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("messages", sa.Integer, nullable=False, server_default="0"),
    sa.Column("people", Json),  # who speaks in it besides the avatar, by name
    # Of a draft's: why its owner does not want it. A version has none of these.
    sa.Column("left_out", Line(128)),
    sa.CheckConstraint("(version_id IS NULL) <> (draft_id IS NULL)", name="one_home"),
    sa.Index(None, "version_id", "position"),
    sa.Index(None, "draft_id", "position"),
    **AUTO,
)

fine_tune_jobs = sa.Table(
    "fine_tune_jobs",
    metadata,
    id_(),
    sa.Column(
        "version_id", Id, sa.ForeignKey("avatar_training_data.id"), nullable=False, unique=True
    ),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("hyperparameters", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("next_poll_at", Moment, nullable=False),
    sa.Column("remote_file_id", Line(256)),
    sa.Column("create_attempted_at", Moment),
    sa.Column("searches", sa.Integer, nullable=False),
    sa.Column("remote_job_id", Line(256)),
    sa.Column("remote_status", Line(64)),
    sa.Column("last_event_id", Line(256)),
    sa.Column("step", sa.Integer),
    sa.Column("total_steps", sa.Integer),
    sa.Column("loss", sa.Float),
    sa.Column("estimated_finish", Moment),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("cancel_requested_at", Moment),
    sa.Column("waiting_told_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("address", Json),
    sa.Column("progress_message_id", sa.String(64)),
    sa.Column("lease_owner", sa.String(64)),
    sa.Column("lease_until", Moment),
    sa.Index(
        "ix_fine_tune_jobs_open",
        "next_poll_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    **AUTO,
)

fine_tune_events = sa.Table(
    "fine_tune_events",
    metadata,
    id_(),
    ref("job_id", "fine_tune_jobs", cascade=True),
    sa.Column("remote_id", Line(256), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("level", Line(16), nullable=False),
    sa.Column("message", Words(), nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.UniqueConstraint("job_id", "remote_id"),
    sa.Index(None, "job_id", "id"),
    **AUTO,
)

chats = sa.Table(
    "chats",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("bot", sa.String(64), nullable=False),
    sa.Column("chat", Line(64), nullable=False),
    sa.Column("thread", Line(64), nullable=False),
    ref("avatar_id", "avatars", nullable=True),
    sa.Column("conversation_began_at", Moment, nullable=False),
    sa.Column("conversation_after", Id, nullable=False),
    # Groups and channels: how much it speaks unasked (percent), and when not at all.
    sa.Column("talkative", sa.Integer, nullable=False, server_default="0"),
    sa.Column("quiet", Line(80), nullable=False, server_default=""),  # "22:00-07:00 Asia/Ipoh"
    sa.Column("language", Line(16), nullable=False, server_default=""),  # "ms"
    # Groups: whether an owner chose its avatar, and whether it was told that it is private now.
    sa.Column("brought", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("told_private", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("platform", "bot", "chat", "thread"),
    **AUTO,
)

messages = sa.Table(
    "messages",
    metadata,
    id_(),
    ref("chat_id", "chats"),
    ref("avatar_id", "avatars"),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("text", Words(), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    ref("person_id", "people", nullable=True),
    sa.Column("answers", Id, sa.ForeignKey("messages.id", ondelete="CASCADE")),
    ref("prompt_version_id", "avatar_training_data", nullable=True),
    ref("model_version_id", "avatar_training_data", nullable=True),
    sa.Column("provider", sa.String(64)),
    sa.Column("model", Line(256)),
    sa.Column("prompt_tokens", sa.Integer),
    sa.Column("cached_tokens", sa.Integer),
    sa.Column("completion_tokens", sa.Integer),
    sa.Column("tokens_estimated", sa.Boolean),
    sa.Column("cost", sa.BigInteger),
    sa.Column("finish", sa.String(16)),
    sa.Column("incoming_id", Id),  # what asked for it; the inbox forgets earlier than we do
    sa.Column("superseded_at", Moment),  # a reply that /retry replaced
    sa.CheckConstraint("role IN ('user', 'assistant')", name="role"),
    sa.UniqueConstraint("incoming_id", "role"),
    sa.Index(None, "chat_id", "avatar_id", "id"),
    sa.Index(None, "person_id", "avatar_id", "id"),
    sa.Index(None, "answers"),
    **AUTO,
)

# Which of a platform's messages is which turn: a reply has one or several, and so has a question
# that was sent in parts. The question what a reply should have said belongs to that reply.
message_refs = sa.Table(
    "message_refs",
    metadata,
    id_(),
    ref("chat_id", "chats"),
    sa.Column("platform_id", Line(64), nullable=False),
    ref("message_id", "messages", cascade=True),
    sa.Column("part", Words()),  # questions that were sent in several messages: what this one says
    sa.Column("asks", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("chat_id", "platform_id"),
    sa.Index(None, "message_id"),
    **AUTO,
)

activations = sa.Table(
    "activations",
    metadata,
    id_(),
    ref("avatar_id", "avatars"),
    sa.Column("axis", sa.String(16), nullable=False),
    ref("from_id", "avatar_training_data", nullable=True),
    ref("to_id", "avatar_training_data", nullable=True),
    sa.Column("why", sa.String(16), nullable=False),
    ref("person_id", "people", nullable=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("cause", Id, unique=True),
    sa.CheckConstraint("axis IN ('model', 'prompt')", name="axis"),
    sa.Index(None, "avatar_id", "id"),
    **AUTO,
)

incoming = sa.Table(
    "incoming",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("bot", sa.String(64), nullable=False),
    sa.Column("update_id", Line(64), nullable=False),
    sa.Column("author_id", Line(64), nullable=False),
    sa.Column("place", Line(160), nullable=False, server_default=""),  # chat and thread
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("payload", Json),  # what was said; wiped when it is answered
    sa.Column("answer", Json),  # what is to be shown, once that is known; wiped likewise
    sa.Column("shown", sa.Boolean),  # showing was begun: it may have arrived; False: it did not
    sa.Column("joined_to", Id),  # of `incoming`: what it is answered together with
    sa.Column("done_at", Moment),
    sa.UniqueConstraint("platform", "bot", "update_id"),
    sa.Index(
        "ix_incoming_waiting",
        "id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
    sa.Index(
        "ix_incoming_place_waiting",
        "platform",
        "bot",
        "place",
        "id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
    sa.Index(
        "ix_incoming_author_waiting",
        "platform",
        "author_id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
    sa.Index(None, "done_at"),
    **AUTO,
)

notices = sa.Table(
    "notices",
    metadata,
    id_(),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("key", sa.String(128), nullable=False, unique=True),
    sa.Column("address", Json, nullable=False),
    ref("avatar_id", "avatars"),
    ref("version_id", "avatar_training_data", nullable=True),
    sa.Column("data", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),  # delivered, or given up
    sa.Column("error", Words()),  # why it was not delivered (yet)
    sa.Column("perhaps", sa.Boolean, nullable=False, server_default=sa.false()),  # it may have been
    sa.Column("lease_owner", sa.String(64)),
    sa.Column("lease_until", Moment),
    sa.Index(
        "ix_notices_owed",
        "next_try_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index(None, "ended_at"),
    **AUTO,
)

# What is known of the ends of models: those that have a last day, or are gone.
models = sa.Table(
    "models",
    metadata,
    id_(),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("model", Line(256), nullable=False),
    sa.Column("ends_on", sa.Date),
    sa.Column("vanished_at", Moment),
    sa.UniqueConstraint("provider", "model"),
    **AUTO,
)

confirmations = sa.Table(
    "confirmations",
    metadata,
    id_(),
    sa.Column("action", sa.String(64), nullable=False),
    ref("person_id", "people", cascade=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
    sa.Column("about", Words(), nullable=False, server_default=""),
    sa.Column("cause", Id),  # the message that said yes
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id"),
    **AUTO,
)

# What was spent, added up by month: /cost reads a handful of rows however much was said, and
# /forgetme can delete messages without losing the account. Version 0 is the base model.
spending = sa.Table(
    "spending",
    metadata,
    id_(),
    ref("avatar_id", "avatars"),
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("version_id", Id, nullable=False),
    sa.Column("model", Line(256), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
    sa.Column("completion_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
    sa.Column("unpriced", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("avatar_id", "month", "kind", "version_id", "model"),
    **AUTO,
)
