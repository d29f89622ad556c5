"""How many photos a second this machine decodes, embeds, and takes the whole way."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from florascope.data.dataset import Photo
from florascope.errors import FlorascopeError
from florascope.features.embedding import crops_of, embed_batch
from florascope.features.engines import (
    NAMED,
    Batch,
    Engine,
    Machine,
    RuntimeChoice,
    choose_runtime,
)
from florascope.nets.backbone import Backbone
from florascope.parallel import CPU_BATCH, in_order
from florascope.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Attributes:
        machine: what decided the choice.
        choice: the engine that trainings use here.
        decode: photos a second from file to crop, all cores.
        engines: photos a second of each engine alone, all cores, by its name.
        pipeline: photos a second from file to features, with the chosen engine.
    """

    machine: Machine
    choice: RuntimeChoice
    decode: float
    engines: dict[str, float]
    pipeline: float

    @property
    def limit(self) -> float:
        """Photos a second if each took just its decoding and its inference, one after the other.

        On a CPU both share the cores: 1 / (1 / decode + 1 / engine). On a GPU the slower limits.
        """
        engine = self.engines[self.choice.name]
        if self.machine.gpu:
            return min(self.decode, engine)
        return 1 / (1 / self.decode + 1 / engine)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "machine": asdict(self.machine),
            "engine": self.choice.name,
            "reason": self.choice.reason,
            "photos_per_second": {
                "decode": self.decode,
                **self.engines,
                "pipeline": self.pipeline,
                "limit": self.limit,
            },
            "share_of_limit": self.pipeline / self.limit,
        }


def measure_speed(
    photos: Sequence[Photo],
    backbone: Backbone,
    *,
    machine: Machine | None = None,
    seconds: float = 2.0,
    progress: Progress = silent,
) -> Speed:
    """Measure decoding, every engine that runs here, and the whole pipeline.

    Args:
        photos: gone through again and again; readable ones.
        backbone: what embeds them.
        machine: this one where none is given.
        seconds: for each measurement.
        progress: told after each.

    Raises:
        PhotoError: a photo cannot be read.
        FlorascopeError: the chosen engine cannot run the backbone.
    """
    machine = machine or Machine.here()
    choice = choose_runtime(machine)
    names = _runnable(machine, choice)
    total = len(names) + 2
    progress("Measuring", 0, total)
    decode = _rate(lambda batch: crops_of(photos, batch, backbone.preprocessing), photos, seconds)
    progress("Measuring", 1, total)
    engines = {name: Engine(backbone, choose_runtime(machine, name)) for name in names}
    rates: dict[str, float] = {}
    for done, (name, engine) in enumerate(engines.items(), start=2):
        rates[name] = _alone(engine, photos, seconds)
        progress("Measuring", done, total)
    chosen = engines[choice.name]
    pipeline = _rate(
        lambda batch: embed_batch(photos, batch, chosen), photos, seconds, chosen.batch
    )
    progress("Measuring", total, total)
    return Speed(machine, choice, decode, rates, pipeline)


def _runnable(machine: Machine, choice: RuntimeChoice) -> list[str]:
    """Engines worth measuring; PyTorch is so only on a GPU, bfloat16 where it is in hardware."""
    possible = {
        "onnxruntime": True,
        "openvino": machine.openvino,
        "openvino-bf16": machine.openvino and machine.bfloat16,
        "torch": bool(machine.gpu),
        "torch-bf16": bool(machine.gpu),
    }
    return [name for name in NAMED if possible[name] or name == choice.name]


def _alone(engine: Engine, photos: Sequence[Photo], seconds: float) -> float:
    """One batch over and over, so that nothing is decoded meanwhile."""
    pre = engine.preprocessing
    crops, problems = crops_of(photos, range(min(engine.batch, len(photos))), pre)
    if not len(crops):
        first = next(iter(problems.values()), "there are none")
        raise FlorascopeError(f"none of the first photos can be read: {first}", expected="photos")
    batch: Batch = pre.normalise(crops)
    return _rate(lambda _: engine(batch), range(len(batch)), seconds, len(batch))


def _rate(
    function: Callable[[range], Any], photos: Sequence[Any], seconds: float, batch: int = CPU_BATCH
) -> float:
    """Photos a second of a function of batches, called from one thread a core, after a warm-up."""
    size = min(batch, len(photos))
    whole = [range(at, at + size) for at in range(0, len(photos) - size + 1, size)]
    function(whole[0])
    calls = in_order(function, itertools.cycle(whole))
    start = time.perf_counter()
    done = sum(1 for _ in _until(calls, start + seconds))
    return done * size / (time.perf_counter() - start)


def _until(calls: Iterator[Any], end: float) -> Iterator[Any]:
    for result in calls:
        yield result
        if time.perf_counter() >= end:
            return
