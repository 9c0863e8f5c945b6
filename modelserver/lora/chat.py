"""Replies by transformers: one base model in memory, many adapters over it, requests in batches.

A thread speaks in rounds. A round takes the requests that wait, and those that are not finished,
as one batch of `generate`, whatever adapters they ask for, and lasts until all are finished or
somebody waits. The next round reads again what each has said so far: in exchange no cache of any
architecture has to be cut or joined. So that most of the time goes into new tokens, a round speaks
at least twice as long as it read.
"""

import asyncio
import importlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelserver.engine import Ended, Wish
from modelserver.errors import ApiError, server_error
from modelserver.lora import weights
from modelserver.lora.sampling import Dice, Taste, of_wish, prepared
from modelserver.lora.speech import Speech

log = logging.getLogger(__name__)

ADAPTERS = 16  # kept in memory beside the base model
ROWS = 32  # replies in a batch
PATIENCE = 2.0  # how many times as long as it read a round speaks before others may join
BASE = "__base__"  # PEFT's word for no adapter


@dataclass(eq=False, kw_only=True, slots=True)
class Row:
    """A reply in progress. Everything but `gone` belongs to the thread that speaks."""

    folder: Path | None
    prompt: list[int]
    longest: int
    dice: Dice
    speech: Speech
    put: Callable[[str | Ended | ApiError], None]
    said: list[int] = field(default_factory=list)
    over: bool = False
    gone: bool = False  # nobody listens any more


class Speaker:
    """`load` gives the base model, in the thread that speaks, when the first request comes."""

    def __init__(
        self,
        load: Callable[[], Any],
        decode: Callable[[Sequence[int]], str],
        *,
        stops: frozenset[int],
        usual: Taste,
        context: int,
        adapters: int = ADAPTERS,
        rows: int = ROWS,
    ) -> None:
        self._load = load
        self._decode = decode
        self._stops = stops
        self._usual = usual
        self._context = context
        self._most_adapters = adapters
        self._most_rows = rows
        self._waiting: deque[Row] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._blocked = False  # the first of those who wait needs an adapter that has no room
        self._forgotten: set[Path] = set()
        self._thread: threading.Thread | None = None
        self._base: Any = None
        self._peft: Any = None  # the base with adapters, once there was one
        self._adapters: dict[Path, str] = {}  # the one used longest ago comes first
        self._numbers = itertools.count()
        self.rounds: list[int] = []  # how many replies each of the last rounds had

    async def reply(
        self, folder: Path | None, prompt: list[int], wish: Wish
    ) -> AsyncGenerator[str | Ended, None]:
        """The reply in pieces, then its numbers. Raises ApiError."""
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[str | Ended | ApiError]()
        room = self._context - len(prompt)
        row = Row(
            folder=folder,
            prompt=prompt,
            longest=room if wish.longest is None else min(room, wish.longest),
            dice=Dice(of_wish(wish, self._usual), wish.seed),
            speech=Speech(self._decode),
            put=lambda piece: _hand(loop, pieces, piece),
        )
        self._take(row)
        try:
            while True:
                piece = await pieces.get()
                if isinstance(piece, ApiError):
                    raise piece
                yield piece
                if isinstance(piece, Ended):
                    return
        finally:
            row.gone = True

    def forget(self, folder: Path) -> None:
        """An adapter whose folder is about to go."""
        with self._changed:
            self._forgotten.add(folder)

    def close(self) -> None:
        """End the thread; blocks until a step in progress is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    @property
    def loaded(self) -> tuple[Path, ...]:
        """The adapters in memory, the one used longest ago first."""
        return tuple(self._adapters)

    def _take(self, row: Row) -> None:
        with self._changed:
            if self._closed:
                raise server_error("The server is shutting down.", 503)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="modelserver-speaker")
                self._thread.start()
            self._waiting.append(row)
            self._changed.notify()

    # --- the thread

    def _work(self) -> None:
        going: list[Row] = []
        while self._more(going):
            going = self._round(going)
        for row in (*going, *self._waiting):
            row.put(server_error("The server is shutting down.", 503))

    def _more(self, going: list[Row]) -> bool:
        """Wait until there is something to do; False at the end."""
        with self._changed:
            while not self._waiting and not going and not self._closed:
                self._changed.wait()
            self._admit(going)
        return not self._closed

    def _admit(self, going: list[Row]) -> None:
        """Take in who waits while there is room for the reply and its adapter. In order, so that
        one whose adapter finds no room is not passed by others for ever.
        """
        folders = {row.folder for row in going if row.folder is not None}
        self._blocked = False
        while self._waiting and len(going) < self._most_rows:
            row = self._waiting[0]
            if not row.gone:
                if row.folder is not None and row.folder not in folders:
                    if len(folders) >= self._most_adapters:
                        self._blocked = True
                        return
                    folders.add(row.folder)
                going.append(row)
            self._waiting.popleft()

    def _round(self, going: list[Row]) -> list[Row]:
        """Speak for a while; those that have not ended."""
        try:
            if self._base is None:
                self._base = self._load()
            names = self._named(going)
            going = [row for row in going if not row.over]
            if going:
                self._generate(going, names)
        except Exception as error:
            if weights.out_of_memory(error) and self._base is not None and len(going) > 1:
                self._most_rows = max(1, len(going) // 2)
                log.warning("out of memory with %s replies at once", len(going))
                with self._changed:
                    self._waiting.extendleft(reversed(going[self._most_rows :]))
                return going[: self._most_rows]
            log.exception("a round of replies failed")
            message = "The server had an error."
            if weights.out_of_memory(error):
                message = "The server's memory is too small for this conversation."
            for row in going:
                row.put(server_error(message))
            return []
        return [row for row in going if not row.over and not row.gone]

    def _generate(self, rows: list[Row], names: dict[Path, str]) -> None:
        torch = importlib.import_module("torch")
        transformers = importlib.import_module("transformers")
        self.rounds = [*self.rounds[-99:], len(rows)]
        texts = [row.prompt + row.said for row in rows]
        width = max(map(len, texts))
        pad = min(self._stops, default=0)
        ids = torch.tensor([[pad] * (width - len(text)) + text for text in texts])
        seen = torch.tensor([[0] * (width - len(text)) + [1] * len(text) for text in texts])
        where = self._base.device
        options: dict[str, Any] = {}
        if self._peft is not None:
            options["adapter_names"] = [
                BASE if row.folder is None else names[row.folder] for row in rows
            ]
        began, read = time.monotonic(), 0.0  # when it had read, in seconds since then

        def after(ids: Any, scores: Any, **_: Any) -> Any:
            nonlocal read
            seconds = time.monotonic() - began
            read = read or seconds
            for row, token in zip(rows, ids[:, -1].tolist(), strict=True):
                self._heard(row, token)
            over = [row.over or row.gone for row in rows]
            ended = self._closed or all(over)
            if seconds > read * (1 + PATIENCE):
                # Somebody waits and may fit in, or most of the batch speaks to nobody.
                fits = any(over) if self._blocked else len(rows) - sum(over) < self._most_rows
                ended = ended or (bool(self._waiting) and fits) or sum(over) > len(rows) / 2
            return torch.tensor([ended or one for one in over], device=where)

        with torch.inference_mode():
            (self._peft or self._base).generate(
                input_ids=ids.to(where),
                attention_mask=seen.to(where),
                generation_config=transformers.GenerationConfig(
                    max_new_tokens=max(row.longest - len(row.said) for row in rows),
                    do_sample=False,  # what is likeliest after the dice were thrown
                    pad_token_id=pad,
                ),
                logits_processor=transformers.LogitsProcessorList([_Throw(rows)]),
                stopping_criteria=transformers.StoppingCriteriaList([after]),
                **options,
            )

    def _heard(self, row: Row, token: int) -> None:
        if row.over or row.gone:
            return
        stopped = token in self._stops
        if not stopped:
            row.said.append(token)
            piece = row.speech.add(token)
            if piece:
                row.put(piece)
        if stopped or len(row.said) >= row.longest:
            row.over = True
            if piece := row.speech.end():
                row.put(piece)
            row.put(
                Ended(
                    finish="stop" if stopped else "length",
                    prompt_tokens=len(row.prompt),
                    completion_tokens=len(row.said) + stopped,
                )
            )

    def _named(self, rows: list[Row]) -> dict[Path, str]:
        """Have the adapters of these replies in memory; the least used of the others leave."""
        with self._changed:
            forgotten, self._forgotten = self._forgotten, set()
        for folder in forgotten & self._adapters.keys() - {row.folder for row in rows}:
            self._leave(folder)
        wanted = dict.fromkeys(row.folder for row in rows if row.folder is not None)
        for folder in wanted:
            name = self._adapters.pop(folder, None)
            if name is None:
                try:
                    name = self._enter(folder)
                except Exception as error:  # each library below has its own
                    log.exception("the adapter in %s cannot be loaded", folder)
                    if weights.out_of_memory(error):
                        raise
                    for row in rows:
                        if row.folder == folder:
                            row.over = True
                            row.put(server_error("This model cannot be loaded."))
                    continue
            self._adapters[folder] = name  # the last one is the one used last
        for folder in [one for one in self._adapters if one not in wanted]:
            if len(self._adapters) <= self._most_adapters:
                break
            self._leave(folder)
        return dict(self._adapters)

    def _enter(self, folder: Path) -> str:
        name = f"a{next(self._numbers)}"
        try:
            self._read_in(folder, name)
        except Exception:
            # PEFT leaves layers behind that have no weights.
            if self._peft is None:
                self._base = self._load()
            elif name in self._peft.peft_config:
                self._peft.delete_adapter(name)
            raise
        return name

    def _read_in(self, folder: Path, name: str) -> None:
        if self._peft is None:
            peft = importlib.import_module("peft")
            self._peft = peft.PeftModel.from_pretrained(self._base, folder, adapter_name=name)
        else:
            self._peft.load_adapter(folder, adapter_name=name)
        self._peft.eval()

    def _leave(self, folder: Path) -> None:
        if len(self._adapters) == 1 and self._peft is not None:
            self._peft.unload()  # gives the base its own layers back; PEFT is never without any
            self._peft = None
        else:
            self._peft.delete_adapter(self._adapters[folder])
        del self._adapters[folder]


class _Throw:
    """A logits processor of transformers that prepares the scores of each reply."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._dice = [row.dice for row in rows]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        return prepared(scores, self._dice)


def _hand(
    loop: asyncio.AbstractEventLoop,
    pieces: "asyncio.Queue[str | Ended | ApiError]",
    piece: str | Ended | ApiError,
) -> None:
    try:
        loop.call_soon_threadsafe(pieces.put_nowait, piece)
    except RuntimeError:  # the loop has ended, and with it whoever listened
        log.debug("a piece of a reply had no reader")
