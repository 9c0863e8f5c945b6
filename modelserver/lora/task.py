"""What the server tells the process that trains: a file in the work folder. No torch here."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelserver.disk import write_whole
from modelserver.engine import Lesson, Metrics, Order, Preference, Said
from modelserver.lora.recipe import Fit

_TASK, _FIT, _DONE = "task.json", "fit.json", "done.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """An order in a form that can be written down."""

    base: str  # a folder, or a name at the hub
    method: str
    lessons: tuple[Lesson, ...]
    pairs: tuple[Preference, ...]
    validation: tuple[Lesson, ...]
    validation_pairs: tuple[Preference, ...]
    parent: str | None  # a folder with an adapter
    epochs: int
    batch_size: int
    learning_rate: float
    beta: float | None
    seed: int


def of_order(order: Order, base: str, learning_rate: float) -> Task:
    return Task(
        base=base,
        method=order.method,
        lessons=tuple(order.lessons),
        pairs=tuple(order.pairs),
        validation=tuple(order.validation),
        validation_pairs=tuple(order.validation_pairs),
        parent=None if order.parent is None else str(order.parent),
        epochs=order.epochs,
        batch_size=order.batch_size,
        learning_rate=learning_rate,
        beta=order.beta,
        seed=order.seed,
    )


class Work:
    """The work folder of a training. What it holds outlives the processes that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.lock = folder / "lock"
        self.checkpoints = folder / "checkpoints"  # the trainer's, to go on from
        self.epochs = folder / "epochs"  # an adapter each
        self.parent = folder / "parent"  # a copy: the model may be deleted while it is needed
        self.zip = folder / "adapter.zip"

    def put_task(self, task: Task) -> None:
        _write(self.folder / _TASK, asdict(task))

    def task(self) -> Task:
        data: dict[str, Any] = json.loads((self.folder / _TASK).read_bytes())
        return Task(
            **{
                **data,
                "lessons": tuple(map(_lesson, data["lessons"])),
                "pairs": tuple(map(_preference, data["pairs"])),
                "validation": tuple(map(_lesson, data["validation"])),
                "validation_pairs": tuple(map(_preference, data["validation_pairs"])),
            }
        )

    def put_fit(self, fit: Fit) -> None:
        _write(self.folder / _FIT, asdict(fit))

    def fit(self) -> Fit | None:
        """How the last process made it fit; None before the first."""
        data = _read(self.folder / _FIT)
        return None if data is None else Fit(**data)

    def put_done(self, done: "Done") -> None:
        _write(self.folder / _DONE, asdict(done))

    def done(self) -> "Done | None":
        """None while the training has not ended well."""
        data = _read(self.folder / _DONE)
        if data is None:
            return None
        epochs = tuple((name, Metrics(**metrics)) for name, metrics in data["epochs"])
        return Done(tokens=data["tokens"], epochs=epochs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A training that ended well."""

    tokens: int
    epochs: tuple[tuple[str, Metrics], ...]  # folder in `Work.epochs`; the last is the model


def _said(data: Mapping[str, Any]) -> Said:
    return Said(data["role"], data["text"])


def _lesson(data: Mapping[str, Any]) -> Lesson:
    return Lesson(messages=tuple(map(_said, data["messages"])), learn=tuple(data["learn"]))


def _preference(data: Mapping[str, Any]) -> Preference:
    return Preference(**{**data, "prompt": tuple(map(_said, data["prompt"]))})


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [json.dumps(data).encode()])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return found
