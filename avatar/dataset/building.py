"""From a chat's messages to examples, by rules that can be set.

Messages become turns, turns conversations, conversations examples; each example begins with
somebody else and ends with the avatar's person. Examples do not overlap. What is not used is
counted with its reason, so that no message gets lost without a word.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from avatar import tokens
from avatar.dataset.export import Export
from avatar.dataset.links import only_links
from avatar.dataset.masking import Masker
from avatar.dataset.overview import Chat, Overview
from avatar.dataset.reading import refused
from avatar.dataset.report import Report, report_of
from avatar.dataset.said import Drop, Said
from avatar.dataset.watch import Stage, Watch
from avatar.language import noted, tr, trn
from avatar.records import Example, Role, Turn
from avatar.text import storable

MIN_EXAMPLES = 10
MANY_CHATS = 5  # from so many on, no chat need have more than a fifth
_LONGEST = 1_000  # messages of a conversation; a busy group may never be silent
_REMEMBERED = 2_000  # messages of others to which a reply may refer
_TOO_FEW = noted(
    "its {messages:,} messages gave {examples} to train on; {least} are the least. {kept:,} of "
    "them are in examples; left out: {reasons}."
)
_TOO_FEW_OF_ALL = noted(
    "its {messages:,} messages gave {examples} to train on; {least} are the least. {kept:,} of "
    "them are in examples."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How examples are built. The defaults are for a private chat of everyday talk."""

    join_within: float = 120.0  # seconds between two messages of one speaker that are one turn
    silence: float | None = None  # seconds that end a conversation; None: fitted to each chat
    max_turns: int = 20  # in an example
    max_characters: int = 2048  # in an example
    same_reply: int = 3  # examples that end with one and the same reply
    chat_share: float = 0.2  # of all examples, from one chat, when there are five or more
    chat_minimum: int = 100  # examples that a chat may always have, whatever its share
    held_out: float = 0.1  # of the conversations, the newest
    max_examples: int = 50_000  # the newest are kept
    threads: bool = True  # a reply is put behind what it answers
    forwards: bool = False  # keep what was forwarded
    bots: bool = False  # keep what bots say
    links: bool = False  # keep messages that are nothing but links
    mask: bool = True  # put placeholders for phone numbers, cards and the like
    mask_names: bool = False  # put [NAME] for the names of the others in the chat
    region: str | None = None  # of phone numbers without a country code: "DE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Examples of one person, and what became of all the messages."""

    examples: tuple[Example, ...]  # for training, oldest first
    held_out: tuple[Example, ...]  # of the newest conversations; never to be trained on
    report: Report
    warnings: tuple[str, ...]


def build(
    export: Export,
    *,
    person: str,
    chats: Collection[str] | None = None,
    rules: Rules | None = None,
    overview: Overview | None = None,
    watch: Watch | None = None,
) -> Built:
    """The examples of one speaker in some chats (None: all). Blocks; belongs in a thread.

    `person` and `chats` are ids of the overview, which is of this file; without one the file is
    read once more. Raises BadDataset for a broken file, one that is not the overview's, a person
    who says nothing there, and fewer than 10 examples; Stopped where the watch says so.
    """
    watch = watch or Watch()
    rules = rules or Rules()
    overview = overview or export.overview()
    chosen = {chat.id: chat for chat in overview.chats if chats is None or chat.id in chats}
    _check_person(person, overview, chosen)
    dropped: Counter[Drop] = Counter()
    drafts: list[_Draft] = []
    watch.begin(Stage.BUILDING)
    in_chosen = sum(chat.messages for chat in chosen.values())
    counted = _Counted(export.messages(chosen, watch.at))
    for chat_id, said in groupby(counted, key=attrgetter("chat")):
        drafts.extend(_Cutter(chosen[chat_id], person, rules, dropped).drafts(said))
    if counted.count != in_chosen:
        raise refused(tr("it is not the file that it was when it was looked at. Send it again."))
    training, held_out = _split(drafts, rules)
    training = list(_limited(training, rules, dropped))
    held_out = list(_few_alike(held_out, rules, dropped))
    masker = Masker(
        region=rules.region,
        names=_others(person, chosen) if rules.mask_names else (),
        enabled=rules.mask,
    )
    watch.begin(Stage.MASKING)
    examples: list[Example] = []
    for draft in (*training, *held_out):
        examples.append(_example(draft, masker, export.source, rules))
        watch.at(len(examples), len(training) + len(held_out))
    made, kept_back = tuple(examples[: len(training)]), tuple(examples[len(training) :])
    dropped[Drop.OTHER_CHAT] += overview.messages - in_chosen
    report = report_of(
        messages=overview.messages,
        dropped=dropped,
        training=made,
        held_out=kept_back,
        masked=masker.counts,
    )
    if len(made) < MIN_EXAMPLES:
        raise _too_few(report)
    return Built(
        examples=made,
        held_out=kept_back,
        report=report,
        warnings=tuple(_warnings(report)),
    )


class _Counted:
    """Messages, counted as they pass."""

    def __init__(self, said: Iterable[Said]) -> None:
        self._said = said
        self.count = 0

    def __iter__(self) -> Iterator[Said]:
        for one in self._said:
            self.count += 1
            yield one


def _check_person(person: str, overview: Overview, chosen: dict[str, Chat]) -> None:
    said = [s for chat in chosen.values() for s in chat.speakers if s.id == person]
    if not chosen:
        raise refused(tr("none of the chosen chats is in the file."))
    if not said:
        known = overview.speaker(person)
        name = known.name if known else person[:60]
        named = Counter[str]()
        for chat in chosen.values():
            for speaker in chat.speakers:
                named[speaker.name] += speaker.messages
        who = ", ".join(f"{n} ({count:,})" for n, count in named.most_common(5)) or tr("nobody")
        raise refused(
            tr(
                "there is no message of {name} in the chosen chats. In them speak: {speakers}.",
                name=name,
                speakers=who,
            )
        )
    if not any(speaker.usable for speaker in said):
        count = sum(speaker.messages for speaker in said)
        raise refused(
            tr(
                "of the {count:,} messages of {name} none has words of their own.",
                count=count,
                name=said[0].name,
            )
        )


def _too_few(report: Report) -> Exception:
    reasons = sorted(report.dropped.items(), key=lambda item: -item[1])[:4]
    why = "; ".join(f"{tr(drop.value)} ({count:,})" for drop, count in reasons)
    return refused(
        tr(
            _TOO_FEW if why else _TOO_FEW_OF_ALL,
            messages=report.messages,
            examples=trn("{n:,} example", "{n:,} examples", report.examples),
            least=MIN_EXAMPLES,
            kept=report.kept,
            reasons=why,
        )
    )


def _warnings(report: Report) -> Iterator[str]:
    if not report.held_out:
        yield tr("There are too few conversations to hold some out for evaluation.")


@dataclass(slots=True)
class _Message:
    """A message that may become part of an example."""

    said: Said
    fate: Drop | None = None  # why it was counted out, so that a later use can count it in again
    used: bool = False


@dataclass(slots=True)
class _Turn:
    """Messages of one speaker that belong together."""

    mine: bool
    messages: list[_Message]
    characters: int = 0
    context: bool = False  # stands there a second time, for the reply to it

    @property
    def text(self) -> str:
        return "\n".join(message.said.text for message in self.messages)


@dataclass(slots=True)
class _Draft:
    """An example before the limits over all."""

    turns: tuple[tuple[bool, str], ...]  # the person's own?, text
    messages: int  # counted as kept with it; one that stands in two examples counts in the first
    people: tuple[str, ...]  # the others who speak in it
    chat: str
    title: str
    conversation: tuple[str, float]  # its chat and beginning
    ended: float  # when the conversation ended
    at: float  # of the last message

    @property
    def reply(self) -> str:
        return " ".join(self.turns[-1][1].casefold().split())


@dataclass(slots=True)
class _Cutter:
    """Cuts one chat into drafts, conversation by conversation."""

    chat: Chat
    person: str
    rules: Rules
    dropped: Counter[Drop]
    recent: OrderedDict[str, _Message] = field(default_factory=OrderedDict)

    def drafts(self, said: Iterable[Said]) -> Iterator[_Draft]:
        if not self.chat.in_order:
            said = sorted(said, key=attrgetter("at"))
        silence = self.rules.silence if self.rules.silence is not None else self.chat.silence
        conversation: list[_Message] = []
        for one in said:
            if (drop := self._unusable(one)) is not None:
                self.dropped[drop] += 1
                continue
            # A difference of seconds since 1970: a silence of a day and five minutes is that long.
            if conversation and (
                one.at - conversation[-1].said.at > silence or len(conversation) >= _LONGEST
            ):
                yield from self._conversation(conversation)
                conversation = []
            conversation.append(_Message(one))
        if conversation:
            yield from self._conversation(conversation)

    def _unusable(self, one: Said) -> Drop | None:
        rules, drop = self.rules, one.drop
        if (drop is Drop.FORWARDED and rules.forwards) or (drop is Drop.BOT and rules.bots):
            drop = None
        if drop is None and not one.text:
            return Drop.EMPTY
        if drop is None and not rules.links and only_links(one.text):
            return Drop.LINK
        return drop

    def _conversation(self, messages: list[_Message]) -> Iterator[_Draft]:
        key = (self.chat.id, messages[0].said.at)
        ended = messages[-1].said.at
        if all(message.said.speaker != self.person for message in messages):
            self._remember(messages)
            self._out(messages, Drop.ABSENT)
            return
        for exchange in self._exchanges(messages):
            for turns in self._cut(exchange):
                yield self._draft(turns, key, ended)

    def _exchanges(self, messages: list[_Message]) -> Iterator[list[_Turn]]:
        """The turns of a conversation; anew where the person answers something else than what was
        just said.
        """
        turns: list[_Turn] = []
        pending: set[str] = set()  # what others said before the person's newest messages
        was_mine = False
        for message in messages:
            said = message.said
            mine = said.speaker == self.person
            if mine and self.rules.threads and said.reply_to and said.reply_to not in pending:
                answered = self.recent.get(said.reply_to)
                if answered is not None:
                    if turns:
                        yield turns
                    size = len(answered.said.text)
                    turns = [_Turn(False, [answered], size, context=True)]
            if not mine:
                if was_mine:
                    pending.clear()
                pending.add(said.id)
                self._remember((message,))
            was_mine = mine
            last = turns[-1] if turns else None
            if (
                last is not None
                and not last.context
                and last.messages[-1].said.speaker == said.speaker
                and said.at - last.messages[-1].said.at <= self.rules.join_within
                and last.characters + 1 + len(said.text) <= self.rules.max_characters
            ):
                last.messages.append(message)
                last.characters += 1 + len(said.text)
            else:
                turns.append(_Turn(mine, [message], len(said.text)))
        if turns:
            yield turns

    def _cut(self, turns: list[_Turn]) -> Iterator[list[_Turn]]:
        """Pieces within the caps that begin with somebody else and end with the person."""
        start, count = 0, len(turns)
        newest_mine = max((n for n, turn in enumerate(turns) if turn.mine), default=-1)
        too_long = False  # what stood before was left out for its length
        while start < count:
            if turns[start].mine:
                reason = Drop.TOO_LONG if too_long else Drop.UNPROMPTED
                self._out(turns[start].messages, reason)
                start += 1
                continue
            end, characters, cut = start, 0, -1
            while end < count and end - start < self.rules.max_turns:
                characters += turns[end].characters
                if characters > self.rules.max_characters:
                    break
                if turns[end].mine:
                    cut = end
                end += 1
            if cut >= 0:
                yield turns[start : cut + 1]
                start, too_long = cut + 1, False
            else:
                # Nothing of the person comes within reach of this turn.
                too_long = newest_mine >= end
                reason = Drop.TOO_LONG if too_long else Drop.UNANSWERED
                self._out(turns[start].messages, reason)
                start += 1

    def _out(self, messages: Iterable[_Message], drop: Drop) -> None:
        for message in messages:
            if not message.used and message.fate is None:
                message.fate = drop
                self.dropped[drop] += 1

    def _draft(self, turns: list[_Turn], key: tuple[str, float], ended: float) -> _Draft:
        kept, people = 0, set()
        for turn in turns:
            for message in turn.messages:
                if not turn.mine:
                    people.add(storable(message.said.name))
                if message.used:
                    continue
                if message.fate is not None:
                    self.dropped[message.fate] -= 1
                    message.fate = None
                message.used = True
                kept += 1
        return _Draft(
            turns=tuple((turn.mine, turn.text) for turn in turns),
            messages=kept,
            people=tuple(sorted(filter(None, people))),
            chat=self.chat.id,
            title=self.chat.title,
            conversation=key,
            ended=ended,
            at=turns[-1].messages[-1].said.at,
        )

    def _remember(self, messages: Iterable[_Message]) -> None:
        for message in messages:
            if message.said.id:
                self.recent[message.said.id] = message
        while len(self.recent) > _REMEMBERED:
            self.recent.popitem(last=False)


def _split(drafts: list[_Draft], rules: Rules) -> tuple[list[_Draft], list[_Draft]]:
    """Training and held out: the newest conversations, whole, by when they ended."""
    drafts.sort(key=lambda draft: (draft.ended, draft.conversation, draft.at))
    conversations = list(OrderedDict.fromkeys(draft.conversation for draft in drafts))
    count = math.floor(rules.held_out * len(conversations) + 0.5)
    if rules.held_out > 0 and len(conversations) >= MANY_CHATS:
        count = max(1, count)
    newest = set(conversations[len(conversations) - count :]) if count else set()
    return (
        [draft for draft in drafts if draft.conversation not in newest],
        [draft for draft in drafts if draft.conversation in newest],
    )


def _limited(drafts: list[_Draft], rules: Rules, dropped: Counter[Drop]) -> Iterator[_Draft]:
    few = _few_alike(drafts, rules, dropped)
    shared = _shared(list(few), rules, dropped)
    over = max(0, len(shared) - rules.max_examples)
    dropped[Drop.TOO_MANY] += sum(draft.messages for draft in shared[:over])
    yield from shared[over:]


def _few_alike(drafts: list[_Draft], rules: Rules, dropped: Counter[Drop]) -> list[_Draft]:
    """Without those that end as the newest few do, word for word."""
    seen: Counter[str] = Counter()
    kept: list[_Draft] = []
    for draft in reversed(drafts):
        seen[draft.reply] += 1
        if seen[draft.reply] <= rules.same_reply:
            kept.append(draft)
        else:
            dropped[Drop.REPEATED] += draft.messages
    kept.reverse()
    return kept


def _shared(drafts: list[_Draft], rules: Rules, dropped: Counter[Drop]) -> list[_Draft]:
    """With no more than its share from any chat: the newest of it."""
    counts = Counter(draft.chat for draft in drafts)
    if len(counts) < MANY_CHATS:
        return drafts
    most = max(rules.chat_minimum, _most(list(counts.values()), rules.chat_share))
    kept: list[_Draft] = []
    taken: Counter[str] = Counter()
    for draft in reversed(drafts):
        taken[draft.chat] += 1
        if taken[draft.chat] <= most:
            kept.append(draft)
        else:
            dropped[Drop.CHAT_SHARE] += draft.messages
    kept.reverse()
    return kept


def _most(counts: list[int], share: float) -> int:
    """The largest n that is at most `share` of what is left when no chat has more than n."""
    low, high = 0, max(counts)
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= share * sum(min(count, middle) for count in counts):
            low = middle
        else:
            high = middle - 1
    return low


def _others(person: str, chosen: dict[str, Chat]) -> tuple[str, ...]:
    names = {s.name for chat in chosen.values() for s in chat.speakers if s.id != person}
    return tuple(sorted(names))


def _example(draft: _Draft, masker: Masker, source: str, rules: Rules) -> Example:
    turns = tuple(
        Turn(role=Role.ASSISTANT if mine else Role.USER, text=masker.masked(text))
        for mine, text in draft.turns
    )
    return Example(
        turns=turns,
        weights=tuple(None for _ in turns),
        tokens=tokens.of_conversation([turn.text for turn in turns]),
        messages=draft.messages,
        people=() if rules.mask_names else draft.people,
        # A private chat is called as the other person is. One line, whatever is in its title.
        source=source
        if rules.mask_names
        else f"{source}: {' '.join(draft.title.split())}"[:200].rstrip(),
    )
