"""Schedulers of pipelines: the model's own, or another one over the same noise schedule."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import diffusers

from generation.config import SchedulerName
from generation.models import load_part, one_line, read_config
from generation.quiet import quiet
from manifests.errors import ModelError

_NAMES = get_args(SchedulerName)
_FLOW_MATCH = "FlowMatch"
_FLOW_SIGMAS = "use_flow_sigmas"
_DYNAMIC = "use_dynamic_shifting"
_SHIFTS = ("base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len")
"""Settings from which pipelines compute how far a size of image shifts the flow."""


def load_scheduler(root: Path, override: SchedulerName | None) -> Any:
    """The scheduler of a model's folder, or another one with the noise schedule of the model's own.

    Args:
        root: the model's folder.
        override: the scheduler to use; None for the model's own.

    Raises:
        ModelError: there is none, its images cannot be made again, or it does not suit what the model predicts.
    """
    folder = root / "scheduler"
    settings = read_config(folder / "scheduler_config.json")
    own = str(settings.get("_class_name"))
    if override is not None and override != own:
        return scheduler_over(own, settings, override, str(root))
    if own not in _NAMES:
        raise ModelError(
            f"model folder {root} uses the scheduler {own}, whose images cannot be made again; "
            f"set the generator's `scheduler` to one of {', '.join(_NAMES)}"
        )
    return load_part(getattr(diffusers, own), folder)


def scheduler_over(own: str, settings: Mapping[str, Any], name: SchedulerName, model: str) -> Any:
    """Another scheduler with the noise schedule of a model's own.

    A model of flow matching (arXiv 2210.02747) needs a scheduler for that; those of diffusion that can be set to flow
    sigmas are.

    Args:
        own: class name of the model's own scheduler.
        settings: the config of that.
        name: the scheduler to use.
        model: what errors call the model.

    Raises:
        ModelError: it does not suit what the model predicts.
    """
    scheduler_class = getattr(diffusers, name)
    if _is_flow(own, settings):
        return _over_flow(scheduler_class, settings, model)
    if name.startswith(_FLOW_MATCH):
        raise ModelError(f"scheduler {name} is for models of flow matching, and {model} is none")
    try:
        with quiet():
            return scheduler_class.from_config(dict(settings))
    except (ValueError, TypeError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"scheduler {name} cannot be set to the noise schedule of {model}: {one_line(error)}"
        ) from error


def _is_flow(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a scheduler is one of flow matching."""
    return name.startswith(_FLOW_MATCH) or bool(settings.get(_FLOW_SIGMAS))


def _over_flow(scheduler_class: Any, own: Mapping[str, Any], model: str) -> Any:
    """Another scheduler, set to the flow of a model's own."""
    dynamic = bool(own.get(_DYNAMIC, False))
    takes = inspect.signature(scheduler_class.__init__).parameters
    moves = inspect.signature(scheduler_class.set_timesteps).parameters
    follows_flow = scheduler_class.__name__.startswith(_FLOW_MATCH) or _FLOW_SIGMAS in takes
    if not follows_flow or (dynamic and not (_DYNAMIC in takes and "mu" in moves)):
        raise ModelError(
            f"scheduler {scheduler_class.__name__} cannot follow the flow of {model}; "
            "leave `scheduler` out, or take DPMSolverMultistepScheduler"
        )
    shift = own.get("shift", own.get("flow_shift", 1.0))
    settings = {
        "num_train_timesteps": own.get("num_train_timesteps", 1000),
        "shift": shift,
        "flow_shift": shift,
        _FLOW_SIGMAS: True,
        "prediction_type": "flow_prediction",
        _DYNAMIC: dynamic,
        **{name: own[name] for name in _SHIFTS if name in own},
    }
    with quiet():
        return scheduler_class(**{name: value for name, value in settings.items() if name in takes})
