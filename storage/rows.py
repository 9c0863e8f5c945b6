"""Rows into records and back: the one place that knows both shapes."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from avatar.accounts import Way
from avatar.incoming import Incoming, Reaction, RepliedTo
from avatar.records import (
    Activation,
    Address,
    Attachment,
    Author,
    Avatar,
    Axis,
    Candidate,
    Chat,
    Confirmation,
    Draft,
    Example,
    Finish,
    Import,
    Job,
    JobEvent,
    Message,
    Method,
    Notice,
    NoticeKind,
    OfferedChat,
    Person,
    Role,
    Status,
    Taught,
    TrainingType,
    Turn,
    Usage,
    Version,
    Why,
)

Row = RowMapping | Mapping[str, Any]

_AVATAR = [field.name for field in fields(Avatar)]
_VERSION = [field.name for field in fields(Version)]
_JOB = [field.name for field in fields(Job)]
_INCOMING = [field.name for field in fields(Incoming)]


def person(row: Row) -> Person:
    """Somebody by one of their accounts; the id is the same for all of them."""
    return Person(
        id=row["same_as"] or row["id"],
        platform=row["platform"],
        external_id=row["external_id"],
        name=row["name"],
    )


def avatar(row: Row) -> Avatar:
    return Avatar(**{name: row[name] for name in _AVATAR})


def version(row: Row) -> Version:
    values = {name: row[name] for name in _VERSION}
    values["training_type"] = TrainingType(values["training_type"])
    values["status"] = Status(values["status"])
    values["method"] = Method(values["method"])
    return Version(**values)


def job(row: Row) -> Job:
    values = {name: row[name] for name in _JOB}
    values["address"] = None if values["address"] is None else address(values["address"])
    return Job(**values)


def address(data: Mapping[str, str]) -> Address:
    return Address(**data)


def address_json(value: Address) -> dict[str, str]:
    # `asdict` copies deeply, which takes longer than to write the row.
    return {
        "platform": value.platform,
        "chat": value.chat,
        "thread": value.thread,
        "bot": value.bot,
    }


def event(row: Row) -> JobEvent:
    return JobEvent(
        remote_id=row["remote_id"],
        created_at=row["created_at"],
        level=row["level"],
        message=row["message"],
        data=row["data"],
    )


def example(row: Row) -> Example:
    turns = row["turns"]
    return Example(
        turns=tuple(Turn(role=Role(role), text=text) for role, text, _ in turns),
        weights=tuple(weight for _, _, weight in turns),
        tokens=row["tokens"],
        source=row["source"],
        rejected=row["rejected"],
        messages=row["messages"],
        people=tuple(row["people"] or ()),
    )


def candidate(row: Row) -> Candidate:
    return Candidate(
        position=row["position"],
        example=example(row),
        held_out=row["held_out"],
        left_out=row["left_out"],
    )


def example_json(value: Example) -> list[list[Any]]:
    return [
        [turn.role.value, turn.text, weight]
        for turn, weight in zip(value.turns, value.weights, strict=True)
    ]


def import_(row: Row) -> Import:
    values = {field.name: row[field.name] for field in fields(Import)}
    values["address"] = address(values["address"])
    values["attachment"] = Attachment(**values["attachment"])
    values["speakers"] = tuple((id_, name, count) for id_, name, count in values["speakers"])
    values["chats"] = tuple(_offered(*each) for each in values["chats"])
    values["marked"] = tuple(values["marked"])
    values["chosen"] = None if values["chosen"] is None else tuple(values["chosen"])
    return Import(**values)


def _offered(id_: str, title: str, messages: int, of_two: bool = False) -> OfferedChat:
    """Before migration 0012 it was not kept how many speak in a chat."""
    return OfferedChat(id=id_, title=title, messages=messages, of_two=of_two)


def taught(row: Row) -> Taught:
    values = {field.name: row[field.name] for field in fields(Taught)}
    values["turns"] = tuple(Turn(role=Role(role), text=text) for role, text in values["turns"])
    return Taught(**values)


def draft(row: Row) -> Draft:
    values = {field.name: row[field.name] for field in fields(Draft)}
    values["warnings"] = tuple(values["warnings"])
    values["method"] = Method(values["method"])
    return Draft(**values)


def activation(row: Row) -> Activation:
    values = {field.name: row[field.name] for field in fields(Activation)}
    return Activation(**{**values, "axis": Axis(values["axis"]), "why": Why(values["why"])})


def chat(row: Row) -> Chat:
    return Chat(
        id=row["id"],
        address=Address(
            platform=row["platform"], bot=row["bot"], chat=row["chat"], thread=row["thread"]
        ),
        avatar_id=row["avatar_id"],
        conversation_began_at=row["conversation_began_at"],
        conversation_after=row["conversation_after"],
        talkative=row["talkative"],
        quiet=row["quiet"],
        language=row["language"],
        brought=row["brought"],
    )


def message(row: Row) -> Message:
    usage = None
    if row["prompt_tokens"] is not None:
        usage = Usage(
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            cached_tokens=row["cached_tokens"],
            estimated=row["tokens_estimated"],
        )
    return Message(
        id=row["id"],
        chat_id=row["chat_id"],
        avatar_id=row["avatar_id"],
        role=Role(row["role"]),
        text=row["text"],
        created_at=row["created_at"],
        person_id=row["person_id"],
        answers=row["answers"],
        prompt_version_id=row["prompt_version_id"],
        model_version_id=row["model_version_id"],
        provider=row["provider"],
        model=row["model"],
        usage=usage,
        cost=row["cost"],
        finish=None if row["finish"] is None else Finish(row["finish"]),
    )


def notice(row: Row) -> Notice:
    return Notice(
        id=row["id"],
        kind=NoticeKind(row["kind"]),
        address=address(row["address"]),
        avatar_id=row["avatar_id"],
        version_id=row["version_id"],
        data=row["data"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        perhaps=row["perhaps"],
    )


def confirmation(row: Row) -> Confirmation:
    return Confirmation(
        id=row["id"],
        action=row["action"],
        person_id=row["person_id"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        about=row["about"],
    )


def incoming_json(value: Incoming) -> dict[str, Any]:
    """What a platform handed over, as it is stored in the inbox."""
    data: dict[str, Any] = {name: getattr(value, name) for name in _INCOMING}
    answered = value.reply_to
    return data | {
        "address": address_json(value.address),
        "author": asdict(value.author),
        "sent_at": value.sent_at.isoformat(),
        "attachments": [asdict(each) for each in value.attachments],
        "reply_to": None if answered is None else asdict(answered),
        "facts": dict(value.facts),
    }


def incoming(data: Mapping[str, Any]) -> Incoming:
    answered, reaction = data["reply_to"], data.get("reaction")
    return Incoming(
        update_id=data["update_id"],
        address=Address(**data["address"]),
        author=Author(**data["author"]),
        message_id=data["message_id"],
        sent_at=datetime.fromisoformat(data["sent_at"]),
        text=data["text"],
        attachments=_attachments(data["attachments"]),
        action=data["action"],
        reply_to=None
        if answered is None
        else RepliedTo(
            message_id=answered["message_id"],
            text=answered["text"],
            attachments=_attachments(answered["attachments"]),
            author=None if answered["author"] is None else Author(**answered["author"]),
            from_us=answered["from_us"],
            quote=answered.get("quote", ""),
        ),
        private=data["private"],
        # Written since they exist: an older message may still wait.
        addressed=data.get("addressed", True),
        follows=data.get("follows", False),
        administers=data.get("administers", False),
        roles=tuple(data.get("roles", ())),
        # What lies in the inbox since an earlier release has none of these.
        forwarded=data.get("forwarded"),
        album=data.get("album", ""),
        edited=data.get("edited", False),
        reaction=None if reaction is None else Reaction(reaction),
        language=data.get("language", ""),
        way=Way(data.get("way", Way.CHAT)),
        facts=data.get("facts", {}),
    )


def _attachments(data: list[dict[str, Any]]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**each) for each in data)
