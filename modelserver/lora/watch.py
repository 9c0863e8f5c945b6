"""What a training says while it runs: called by transformers' Trainer, it writes lines of JSON."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modelserver.disk import copy_folder, remove_folder, write_whole
from modelserver.engine import Metrics
from modelserver.lora import recipe

MAX_REPORTS = 500  # of a training; with more steps only some are reported
SAVE_SECONDS = 600.0  # at most between two checkpoints, when epochs are longer
CURVE = "curve.json"  # written into a checkpoint last, so one that has it is whole

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What the trainer does not tell its callbacks."""

    epochs: int
    tokens: int  # of an epoch
    checkpoints: Path
    adapters: Path  # a folder an epoch


class Watch:
    """A callback. It is no subclass of transformers' own, so that this module needs no torch."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self._plan = plan
        self._say = say
        self.curve: list[Metrics] = []
        self.stopping = False  # set from outside: save, and end after this step
        self.stopped = False
        self._pending: Metrics | None = None  # a step whose validation may still come
        self._first: int | None = None  # steps that were done before this process
        self._began = self._saved = time.monotonic()

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):  # every other event is nothing to us
            return lambda *_, **__: None
        raise AttributeError(name)

    def go_on_from(self, checkpoint: Path) -> None:
        """Say again what was said before it: the server knows which steps it has."""
        for point in json.loads((checkpoint / CURVE).read_bytes()):
            self._keep(Metrics(**point))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._flush()
        if self._first is None:
            self._first = state.global_step
            self._began = self._saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.stopping:
            self.stopped = state.global_step < state.max_steps
            control.should_save = control.should_training_stop = True
        if time.monotonic() - self._saved > SAVE_SECONDS:
            control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        accuracy = logs.get("rewards/accuracies", logs.get("mean_token_accuracy"))
        step, total = state.global_step, state.max_steps
        done = step - (self._first or 0)
        seconds = max(time.monotonic() - self._began, 1e-6)
        self._pending = Metrics(
            step=step,
            total_steps=total,
            train_loss=_rounded(logs["loss"]),
            train_mean_token_accuracy=_rounded(accuracy),
            tokens_per_second=round(
                self._plan.tokens * self._plan.epochs / total * done / seconds, 1
            ),
            seconds_left=round(seconds / max(done, 1) * (total - step), 1),
        )

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any
    ) -> None:
        if self._pending is None or not metrics or "eval_loss" not in metrics:
            return
        accuracy = metrics.get("eval_rewards/accuracies", metrics.get("eval_mean_token_accuracy"))
        self._pending = replace(
            self._pending,
            valid_loss=_rounded(metrics["eval_loss"]),
            valid_mean_token_accuracy=_rounded(accuracy),
        )

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._flush()
        step = state.global_step
        folder = self._plan.checkpoints / f"checkpoint-{step}"
        if self.curve and step % max(1, state.max_steps // self._plan.epochs) == 0:
            self._keep_adapter(folder, step)
        write_whole(folder / CURVE, [json.dumps([asdict(one) for one in self.curve]).encode()])
        self._saved = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._flush()

    def epochs(self) -> list[tuple[str, Metrics]]:
        """The adapters that were kept, with how far each had come."""
        at = {metrics.step: metrics for metrics in self.curve}
        return [(path.name, at[int(path.name)]) for path in self._adapters()]

    def _adapters(self) -> list[Path]:
        if not self._plan.adapters.is_dir():
            return []
        whole = [path for path in self._plan.adapters.iterdir() if path.name.isdigit()]
        return sorted(whole, key=lambda path: int(path.name))

    def _keep_adapter(self, checkpoint: Path, step: int) -> None:
        """An adapter without what only the trainer needs to go on."""
        unfinished = self._plan.adapters / f"{step}.new"
        remove_folder(unfinished)
        unfinished.mkdir(parents=True)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            write_whole(unfinished / name, [(checkpoint / name).read_bytes()])
        folder = self._plan.adapters / str(step)
        if not folder.is_dir():
            unfinished.rename(folder)
        else:  # of the same step, before a restart: the same weights
            copy_folder(unfinished, folder)
            remove_folder(unfinished)
        for old in self._adapters()[: -recipe.KEPT_EPOCHS]:
            remove_folder(old)
        if step < self.curve[-1].total_steps:
            message = f"Checkpoint created at step {step}"
            self._say({"kind": "note", "level": "info", "message": message, "step": step})

    def _flush(self) -> None:
        if self._pending is not None:
            metrics, self._pending = self._pending, None
            self._keep(metrics)

    def _keep(self, metrics: Metrics) -> None:
        self.curve.append(metrics)
        shown = math.ceil(metrics.total_steps / MAX_REPORTS)  # every how many steps
        last = metrics.step == metrics.total_steps
        if metrics.step % shown == 0 or last or metrics.valid_loss is not None:
            self._say({"kind": "metrics", **asdict(metrics)})


def _rounded(value: Any) -> float:
    """JSON, as others read it, knows no number that is none: a loss that broke down is huge."""
    number = float(value or 0.0)
    return round(number, 4) if math.isfinite(number) else 1e9
