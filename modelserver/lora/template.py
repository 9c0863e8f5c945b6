"""A model's chat template: what a conversation is in tokens, and which of them are learnt.

A reply is learnt after exactly the tokens that will come before it when the model is asked: those
of the template's own prompt for a reply. So no template needs markers around what the assistant
says, and what templates do to earlier turns (some drop or add a block of thoughts) is learnt as it
will be met. Where a template writes earlier turns as it writes the last one, a conversation is one
sample; elsewhere each reply that is to be learnt is a sample of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelserver.engine import Lesson, Preference, Said

_PROBE = "Qx"


class NoTemplate(Exception):
    """The model has no chat template: it was not made for conversations."""


class Unfit(Exception):
    """The template refuses a conversation; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Tokens, and which of them are learnt."""

    ids: list[int]
    learn: list[bool]


class Template:
    """Over a tokenizer of transformers. `stops` are tokens that end a reply."""

    def __init__(self, tokenizer: Any, stops: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        if not tokenizer.chat_template:
            raise NoTemplate
        self._parts = False
        if not self._accepts(Said("user", _PROBE), shows=_PROBE):
            self._parts = True  # those of models that see pictures want a list of parts
            if not self._accepts(Said("user", _PROBE), shows=_PROBE):
                raise NoTemplate
        self._system = self._accepts(Said("system", _PROBE), Said("user", "a"), shows=_PROBE)
        self._neighbours = self._accepts(Said("user", "a"), Said("user", _PROBE), shows=_PROBE)
        self._end = self._end_of_turn()
        known = {*stops, self._end, tokenizer.eos_token_id} - {None}
        self.stops = frozenset(int(token) for token in known)

    def prompt(self, messages: Sequence[Said]) -> list[int]:
        """What the model is given to reply to. Raises Unfit."""
        text = self._render(self._conformed([(m, False) for m in messages]), prompt=True)
        return self._ids(text)

    def samples(self, lesson: Lesson) -> list[Sample]:
        """What is learnt from a lesson. Raises Unfit."""
        talk = self._conformed(list(zip(lesson.messages, lesson.learn, strict=True)))
        places = [i for i, (_, learn) in enumerate(talk) if learn]
        if len(places) > 1:
            whole = self._as_one(talk, places)
            if whole is not None:
                return [whole]
        return [
            self._sample([(self._render(talk[:i], prompt=True), False), (_text(talk[i]), True)])
            for i in places
        ]

    def pair(self, preference: Preference) -> tuple[list[int], list[int], list[int]]:
        """The tokens of the prompt, of the better reply and of the other one. Raises Unfit."""
        preferred, rejected = (
            [*self._ids(text.strip()), self._end]
            for text in (preference.preferred, preference.rejected)
        )
        return self.prompt(preference.prompt), preferred, rejected

    def stop_texts(self) -> list[str]:
        """The tokens that end a reply, as texts."""
        return [str(self._tokenizer.convert_ids_to_tokens(token)) for token in sorted(self.stops)]

    def tokens(self, text: str) -> int:
        return len(self._ids(text))

    def _as_one(self, talk: "_Talk", places: Sequence[int]) -> Sample | None:
        """The whole conversation as a sample, if every reply in it comes after its own prompt."""
        whole = self._render(talk, prompt=False)
        parts: list[tuple[str, bool]] = []
        at, end = 0, self._tokenizer.convert_ids_to_tokens(self._end)
        for i in places:
            head, text = self._render(talk[:i], prompt=True), _text(talk[i])
            if not whole.startswith(head) or not whole.startswith(text + end, len(head)):
                return None
            parts += [(whole[at : len(head)], False), (text, True)]
            at = len(head) + len(text) + len(end)
        return self._sample(parts)

    def _sample(self, parts: Sequence[tuple[str, bool]]) -> Sample:
        ids: list[int] = []
        learn: list[bool] = []
        for text, learnt in parts:
            tokens = self._ids(text)
            if learnt:
                tokens.append(self._end)  # to stop is learnt too
            ids += tokens
            learn += [learnt] * len(tokens)
        return Sample(ids=ids, learn=learn)

    def _ids(self, text: str) -> list[int]:
        # A template writes the special tokens itself.
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _render(self, talk: "_Talk", *, prompt: bool) -> str:
        try:
            text = self._tokenizer.apply_chat_template(
                [{"role": message.role, "content": self._content(message)} for message, _ in talk],
                tokenize=False,
                add_generation_prompt=prompt,
                enable_thinking=False,  # those that think aloud: a person talks, and does not
            )
        except Exception as error:  # what a template raises is up to its author
            raise Unfit(f"the model's chat template refuses it: {str(error)[:200]}") from error
        return str(text)

    def _content(self, message: Said) -> Any:
        text = message.text.strip()
        return [{"type": "text", "text": text}] if self._parts else text

    def _accepts(self, *messages: Said, shows: str) -> bool:
        try:
            return shows in self._render([(m, False) for m in messages], prompt=True)
        except Unfit:
            return False

    def _conformed(self, talk: "_Talk") -> "_Talk":
        """The conversation in the form that the template takes."""
        if not self._system:
            talk = _system_folded(talk)
        if not self._neighbours:
            talk = _neighbours_joined(talk)
        return talk

    def _end_of_turn(self) -> int:
        """The token that comes after a reply: the first special one there, or the end of text."""
        text = self._render(
            [(Said("user", "a"), False), (Said("assistant", _PROBE), False)], prompt=False
        )
        special = {*self._tokenizer.all_special_ids, *self._tokenizer.added_tokens_decoder}
        for token in self._ids(text[text.rindex(_PROBE) + len(_PROBE) :]):
            if token in special:
                return int(token)
        if self._tokenizer.eos_token_id is None:
            raise NoTemplate
        return int(self._tokenizer.eos_token_id)


_Talk = Sequence[tuple[Said, bool]]  # with: whether it is learnt


def _text(said: tuple[Said, bool]) -> str:
    return said[0].text.strip()


def _system_folded(talk: _Talk) -> _Talk:
    """Instructions at the head of the first thing that the user says."""
    told = [message.text for message, _ in talk if message.role == "system"]
    rest = [(message, learn) for message, learn in talk if message.role != "system"]
    if not told:
        return rest
    first = next((i for i, (message, _) in enumerate(rest) if message.role == "user"), None)
    if first is None:
        return [(Said("user", "\n\n".join(told)), False), *rest]
    text = "\n\n".join([*told, rest[first][0].text])
    return [*rest[:first], (Said("user", text), False), *rest[first + 1 :]]


def _neighbours_joined(talk: _Talk) -> _Talk:
    """Messages of one role in a row as one. A reply is learnt only if all of it was to be."""
    joined: list[tuple[Said, bool]] = []
    for message, learn in talk:
        if joined and joined[-1][0].role == message.role:
            before, learnt = joined.pop()
            text = f"{before.text}\n\n{message.text}"
            joined.append((Said(message.role, text), learnt and learn))
        else:
            joined.append((message, learn))
    return joined
