"""The process that trains: `python -m modelserver.lora.trainer FOLDER`, started by the server.

It reads its task from the folder, says what happens as lines of JSON on its standard output (all
other output goes to its standard error), saves a checkpoint and ends when it is asked to terminate,
and ends at once when its standard input does: then the server is gone.
"""

import fcntl
import importlib
import json
import logging
import os
import signal
import sys
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from modelserver.disk import copy_folder, remove_folder
from modelserver.engine import Lesson, Preference
from modelserver.errors import EngineFault, TrainingError
from modelserver.lora import recipe, weights
from modelserver.lora.task import Done, Task, Work
from modelserver.lora.template import Template, Unfit
from modelserver.lora.watch import CURVE, Plan, Say, Watch

log = logging.getLogger(__name__)

_ADAPTER = "default"  # what PEFT calls the one that is trained


class Examples:
    """Examples in tokens, in the columns that TRL's trainers take."""

    def __init__(self, template: Template, say: Say, name: str) -> None:
        self._template = template
        self._say = say
        self._name = name
        self.rows: list[dict[str, list[int]]] = []
        self.tokens = 0  # of all rows
        self._cut = 0
        self._refused: list[str] = []

    def lessons(self, lessons: Sequence[Lesson]) -> None:
        for lesson in lessons:
            try:
                samples = self._template.samples(lesson)
            except Unfit as unfit:
                self._refused.append(str(unfit))
                continue
            for sample in samples:
                ids, learn = sample.ids[: recipe.LONGEST], sample.learn[: recipe.LONGEST]
                self._cut += len(ids) < len(sample.ids)
                if any(learn):
                    labels = [t if learnt else -100 for t, learnt in zip(ids, learn, strict=True)]
                    self._add({"input_ids": ids, "labels": labels}, len(ids))
        self._told()

    def pairs(self, pairs: Sequence[Preference]) -> None:
        for preference in pairs:
            try:
                prompt, preferred, rejected = self._template.pair(preference)
            except Unfit as unfit:
                self._refused.append(str(unfit))
                continue
            room = recipe.LONGEST - len(prompt)
            self._cut += max(len(preferred), len(rejected)) > room
            if room > 0:
                row = {
                    "prompt_ids": prompt,
                    "chosen_ids": preferred[:room],
                    "rejected_ids": rejected[:room],
                }
                self._add(row, 2 * len(prompt) + sum(map(len, (preferred, rejected))))
        self._told()

    def _add(self, row: dict[str, list[int]], tokens: int) -> None:
        self.rows.append(row)
        self.tokens += tokens

    def _told(self) -> None:
        if self._cut:
            self._note(f"{self._cut} were cut after {recipe.LONGEST} tokens")
        if self._refused:
            self._note(f"{len(self._refused)} were passed over: {self._refused[0]}")

    def _note(self, what: str) -> None:
        message = f"Of the examples of the {self._name}, {what}."
        self._say({"kind": "note", "level": "warn", "message": message})


class Training:
    """One run of this process."""

    def __init__(self, work: Work, say: Say) -> None:
        self._work = work
        self._say = say
        self._task = work.task()
        self._watch: Watch | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in the memory, and examples are what fills it."""
        return self._watch is not None

    def stop(self) -> None:
        """Save and end; at once when there is nothing to save yet."""
        if self._watch is None:
            os._exit(0)
        self._watch.stopping = True

    def run(self) -> None:
        """Raises TrainingError, and what torch raises when the memory is too small."""
        task, work = self._task, self._work
        fit = work.fit()
        if fit is None:
            fit = recipe.Fit(
                at_a_time=recipe.at_a_time(task.batch_size, recipe.AT_A_TIME),
                quantised=weights.must_be_quantised(task.base),
            )
            work.put_fit(fit)
            if fit.quantised:
                message = "The model does not fit the GPU's memory whole: training with four bits."
                self._say({"kind": "note", "level": "info", "message": message})
        template = weights.template(task.base)
        train, valid = self._examples(template)
        plan = Plan(
            epochs=task.epochs,
            tokens=train.tokens,
            checkpoints=work.checkpoints,
            adapters=work.epochs,
        )
        watch = Watch(plan, self._say)
        trainer = self._trainer(task, fit, train, valid, watch)
        checkpoint = _newest(work.checkpoints)
        if checkpoint is not None:
            watch.go_on_from(checkpoint)
        self._watch = watch
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if not watch.stopped:
            self._finish(watch, train.tokens)

    def _examples(self, template: Template) -> tuple[Examples, Examples]:
        task = self._task
        train = Examples(template, self._say, "training file")
        valid = Examples(template, self._say, "validation file")
        if task.method == "dpo":
            train.pairs(task.pairs)
            valid.pairs(task.validation_pairs)
        else:
            train.lessons(task.lessons)
            valid.lessons(task.validation)
        if not train.rows:
            raise TrainingError(
                "invalid_training_file",
                "None of the examples can be learnt: each is refused by the model's chat template, "
                f"or is longer than {recipe.LONGEST} tokens before there is something to learn.",
            )
        return train, valid

    def _trainer(
        self, task: Task, fit: recipe.Fit, train: Examples, valid: Examples, watch: Watch
    ) -> Any:
        trl, peft = importlib.import_module("trl"), importlib.import_module("peft")
        datasets = importlib.import_module("datasets")
        transformers = importlib.import_module("transformers")
        transformers.set_seed(task.seed % 2**32)
        model = weights.base(task.base, quantised=fit.quantised)
        options: dict[str, Any] = {}
        if task.parent is None:
            options["peft_config"] = peft.LoraConfig(
                r=recipe.RANK,
                lora_alpha=recipe.ALPHA,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            )
        else:
            if not self._work.parent.is_dir():
                copy_folder(Path(task.parent), self._work.parent)
            model = peft.PeftModel.from_pretrained(model, self._work.parent, is_trainable=True)
        on_gpu, half = weights.device() == "cuda", weights.half_precision()
        common: dict[str, Any] = {
            "output_dir": str(self._work.checkpoints),
            "num_train_epochs": task.epochs,
            "per_device_train_batch_size": fit.at_a_time,
            "per_device_eval_batch_size": fit.at_a_time,
            "gradient_accumulation_steps": task.batch_size // fit.at_a_time,
            "learning_rate": task.learning_rate,
            "lr_scheduler_type": "linear",
            "warmup_steps": recipe.WARMUP,
            "max_grad_norm": recipe.MAX_GRADIENT,
            "optim": "paged_adamw_8bit" if fit.quantised else "adamw_torch",
            "logging_steps": 1,
            "save_strategy": "epoch",
            "save_total_limit": 2,
            "eval_strategy": "epoch" if valid.rows else "no",
            "seed": task.seed % 2**32,
            "max_length": None,  # cut already
            "bf16": half == "bfloat16",
            "fp16": half == "float16",
            "use_cpu": not on_gpu,
            "gradient_checkpointing": on_gpu,
            "dataloader_pin_memory": on_gpu,
            "report_to": [],
            "disable_tqdm": True,
        }
        options |= {
            "model": model,
            "train_dataset": datasets.Dataset.from_list(train.rows),
            "eval_dataset": datasets.Dataset.from_list(valid.rows) if valid.rows else None,
            "processing_class": weights.tokenizer(task.base),
            "callbacks": [watch],
        }
        if task.method == "dpo":
            # TRL makes tokens of texts only; ours are tokens already.
            ready = {"_prepare_dataset": lambda _, dataset, *__, **___: dataset}
            kind = type("DPOTrainer", (trl.DPOTrainer,), ready)
            return kind(args=trl.DPOConfig(beta=task.beta, **common), **options)
        return trl.SFTTrainer(args=trl.SFTConfig(**common), **options)

    def _finish(self, watch: Watch, tokens: int) -> None:
        epochs = watch.epochs()
        last = self._work.epochs / epochs[-1][0]
        with zipfile.ZipFile(self._work.zip, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(last.iterdir()):
                archive.write(path, path.name)
        self._work.put_done(Done(tokens=tokens * self._task.epochs, epochs=tuple(epochs)))
        self._say({"kind": "done"})


def _newest(folder: Path) -> Path | None:
    """The latest checkpoint that is whole; the others are removed."""
    if not folder.is_dir():
        return None
    found = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for step in sorted(found, reverse=True):
        if (found[step] / CURVE).is_file():
            return found[step]
        remove_folder(found[step])
    return None


def smaller(work: Work, say: Say, *, loaded: bool) -> None:
    """The memory was too small: prepare another attempt, or say that there is none."""
    fit, batch = work.fit(), work.task().batch_size
    can_quantise = weights.can_quantise()
    less = fit and recipe.smaller(fit, batch, can_quantise=can_quantise, loaded=loaded)
    if fit is None or less is None:
        on_gpu = weights.device() == "cuda"
        place = "the GPU" if on_gpu else "this machine"
        what = "even with one example at a time" if loaded else "which does not fit into it"
        advice = "Use a smaller model, shorter examples, or more memory."
        if on_gpu and not can_quantise:
            advice += " With the package bitsandbytes it is trained in four bits where it must."
        raise TrainingError(
            "out_of_memory",
            f"The memory of {place} is too small to train this model, {what}. {advice}",
            None,
        )
    work.put_fit(less)
    message = (
        "Out of memory: going on with the model in four bits."
        if less.at_a_time == fit.at_a_time
        else f"Out of memory: going on with {less.at_a_time} example(s) at a time instead of "
        f"{fit.at_a_time}; the batch size stays {batch}."
    )
    say({"kind": "again", "level": "warn", "message": message})


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def _own_output() -> TextIO:
    """Standard output for us alone; what libraries print goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def main(folder: Path) -> int:
    """The exit code; 0 also for a training that failed, which is said."""
    out = _own_output()
    said = threading.Lock()

    def say(line: dict[str, Any]) -> None:
        with said:
            out.write(json.dumps(line) + "\n")
            out.flush()

    threading.Thread(target=_end_with_input, daemon=True).start()
    work = Work(folder)
    with work.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the process before us may still be ending
        training = Training(work, say)
        signal.signal(signal.SIGTERM, lambda *_: training.stop())
        try:
            _run(training, work, say)
        except TrainingError as error:
            failed = {"code": error.code, "message": error.message, "param": error.param}
            say({"kind": "failed", **failed})
        except EngineFault as fault:
            message = f"The training could not begin: {fault}"
            say({"kind": "failed", "code": "server_error", "message": message, "param": None})
    return 0


def _run(training: Training, work: Work, say: Say) -> None:
    try:
        training.run()
    except Exception as error:
        if not weights.out_of_memory(error):
            raise
        log.warning("out of memory", exc_info=True)
        smaller(work, say, loaded=training.loaded)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
