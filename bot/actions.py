"""What a button does: a short code with ids, encoded and decoded here and nowhere else.

A code is a verb and up to three whole numbers, `history:3:2`: never over 64 bytes (Telegram's
limit), and nothing that people could read or should believe: who presses is checked like who types.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from avatar.errors import Expired, Invalid

MAX_BYTES = 64
_CODE = re.compile(r"([a-z]{1,12})((?::[0-9]{1,15}){0,3})\Z", re.ASCII)


class Verb(StrEnum):
    """Everything a button can do, with what its numbers are."""

    ACTIVATE = "activate"  # version: make it active (a prompt version is restored)
    DEACTIVATE = "deactivate"  # version: back to the base model if this one is active
    BASE = "base"  # avatar: back to the base model
    UNDO = "takeback"  # avatar, the versions that were active before and after (0: none)
    DELETE = "delete"  # version: ask
    DELETE_MODEL = "delmodel"  # version: ask to delete its model at the provider
    CANCEL = "cancel"  # version: cancel its training
    SHOW = "show"  # version: everything about it
    PROMPT = "prompt"  # version: its prompt
    HISTORY = "history"  # avatar, page
    TALK = "talk"  # avatar
    AVATARS = "avatars"  # page
    FORGET = "forget"  # nothing: only inside of a confirmation
    UNLEARN = "unlearn"  # version: only inside of a confirmation, which holds the name
    UNLEARN_TAUGHT = "unlearnkept"  # avatar: likewise, what was taught in its chats
    YES = "yes"  # confirmation
    NO = "no"  # confirmation
    TRAIN = "train"  # draft: start
    EPOCHS = "epochs"  # draft, epochs
    DROP = "drop"  # draft
    SPEAKER = "speaker"  # import, place among its speakers
    OFFERED = "offered"  # import, page of the speakers or chats that it offers
    MARK = "mark"  # import, place among its chats, 1: mark that chat, 0: take the mark away
    ONLY = "only"  # import, page to show, 1: mark the chats of two and no others, 0: mark none
    ALL_CHATS = "allchats"  # import: learn from all of its chats
    MARKED = "marked"  # import: learn from the chats that are marked
    OPTIONS = "options"  # draft
    OPTION = "option"  # draft, place among the options: its next value
    LOOK = "look"  # draft, place of an example
    LEAVE = "leave"  # draft, place of an example: leave it out
    KINDS = "kinds"  # draft: kinds of examples to leave out
    KIND = "kind"  # draft, number of a kind: leave it out, or take it in again
    REPORT = "report"  # draft: what became of the messages, and the examples as a file
    FLIGHT = "flight"  # draft: the question whether to start
    ADD_TAUGHT = "addtaught"  # draft: with what was taught in the chat
    TAUGHT = "taught"  # avatar: train on what was taught in the chat
    PREFER = "prefer"  # avatar: preference training on what was taught in the chat
    UNTEACH = "unteach"  # a taught answer: delete it
    LESSONS = "lessons"  # avatar, page of what was taught
    LESSON_FILE = "lessonfile"  # avatar: what was taught as a file
    DATASET = "dataset"  # version: its examples as a file
    WHERE = "where"  # draft: everywhere that it can be trained
    TARGET = "target"  # draft, place in that list
    RETRAIN = "retrain"  # version
    BASES = "bases"  # avatar: what its base model can be
    REBASE = "rebase"  # avatar, place in that list
    PUBLISH = "publish"  # avatar: everybody may talk to it
    HIDE = "hide"  # avatar: only its owners and who is invited
    PEOPLE = "people"  # avatar, page of whom it met
    BLOCK = "block"  # avatar, person
    UNBLOCK = "unblock"  # avatar, person
    REVOKE = "revoke"  # invitation
    LINK = "link"  # person: only inside of a confirmation, joins them with who confirms
    UNLINK = "unlink"  # nothing: only inside of a confirmation
    STOP_BOT = "stopbot"  # avatar: its own bot
    START_BOT = "startbot"  # avatar
    NO_PICTURE = "nopicture"  # avatar: it looks like nobody again
    STOP = "stop"  # nothing: end the reply that is written, or the reading of a file


NUMBERS = {
    Verb.UNDO: 3,
    Verb.HISTORY: 2,
    Verb.EPOCHS: 2,
    Verb.TARGET: 2,
    Verb.SPEAKER: 2,
    Verb.OFFERED: 2,
    Verb.MARK: 3,
    Verb.ONLY: 3,
    Verb.OPTION: 2,
    Verb.LOOK: 2,
    Verb.LEAVE: 2,
    Verb.KIND: 2,
    Verb.LESSONS: 2,
    Verb.REBASE: 2,
    Verb.PEOPLE: 2,
    Verb.BLOCK: 2,
    Verb.UNBLOCK: 2,
    Verb.UNLINK: 0,
    Verb.FORGET: 0,
    Verb.STOP: 0,
}
# Verbs of buttons under messages of long ago, and the command with which one begins anew.
FORMER = {"fromchats": "/train", "choices": "/train", "undo": "/undo"}


class BadAction(Invalid):
    """That button does not work any more. Please use a command instead; /help lists them."""


@dataclass(frozen=True, slots=True)
class Action:
    """A decoded code."""

    verb: Verb
    numbers: tuple[int, ...] = ()

    @property
    def code(self) -> str:
        return ":".join([self.verb, *map(str, self.numbers)])


def code(verb: Verb, *numbers: int) -> str:
    """The code of an action."""
    return Action(verb, numbers).code


def decode(text: str) -> Action:
    """The action behind a code. Raises BadAction for anything that `code` would not have made, and
    Expired for what it made once and makes no more.
    """
    match = _CODE.match(text)
    if match is None:
        raise BadAction
    if match[1] in FORMER:
        raise Expired(command=FORMER[match[1]])
    try:
        verb = Verb(match[1])
    except ValueError:
        raise BadAction from None
    numbers = tuple(int(n) for n in match[2].split(":")[1:])
    if len(numbers) != NUMBERS.get(verb, 1) or code(verb, *numbers) != text:
        raise BadAction
    return Action(verb, numbers)
