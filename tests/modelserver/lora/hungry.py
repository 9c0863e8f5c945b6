"""The process that trains, on a machine whose memory holds `MOST` examples at a time."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from modelserver.lora import trainer

MOST = int(os.environ["TEST_MOST_EXAMPLES"])


def main() -> int:
    torch: Any = importlib.import_module("torch")
    trl: Any = importlib.import_module("trl")
    original = trl.SFTTrainer.training_step

    def step(self: Any, model: Any, inputs: Any, *more: Any, **named: Any) -> Any:
        if len(inputs["input_ids"]) > MOST:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return original(self, model, inputs, *more, **named)

    trl.SFTTrainer.training_step = step
    return trainer.main(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
