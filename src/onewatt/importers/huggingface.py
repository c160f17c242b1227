"""Hugging Face configurations as workloads: the network is built from ``config.json`` alone.

Weights are never looked for, the network runs on shapes only, code from the directory is never
executed and nothing is fetched.
"""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import copy
import json
import os
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

from onewatt.errors import ImportFailure, InputError, MissingDependency, OnewattError, nearest
from onewatt.importers.pytorch import load_module, require_torch
from onewatt.spec.workload import Workload

#: Tokens of a text when none are said.
SEQUENCE = 128
_MOST_BYTES = 2**24
_MOST_LAYERS = 4096
_PICTURE, _TEXT, _NEXT = "ImageClassification", "SequenceClassification", "CausalLM"


def load_config(
    directory: str | Path,
    *,
    batch: int = 1,
    seq_len: int | None = None,
    context: int | None = None,
) -> Workload:
    """Return the workload of a directory with a ``config.json``.

    Parameters
    ----------
    directory : str or Path
        The directory, or the file itself.
    batch : int
        Batch size [1].
    seq_len : int, optional
        Tokens per sequence [1], `SEQUENCE` (at most what the network takes) when left out.
    context : int, optional
        Instead of a whole sequence, one more token after a cache of this many tokens [1].

    Returns
    -------
    Workload
        The network with the head that ``architectures`` names; without that, a classifier of two
        labels for pictures and encoders, next-token prediction for decoders.

    Raises
    ------
    ImportFailure
        If the configuration is broken or needs code of its own.
    """
    directory = Path(directory)
    file = directory if directory.suffix == ".json" else directory / "config.json"
    for what, value in (("batch", batch), ("seq_len", seq_len), ("context", context)):
        if value is not None and value < 1:
            raise InputError(f"found {what} {value!r}; expected at least 1")
    if seq_len is not None and context is not None:
        raise InputError(
            "found both seq_len and context; say one: a whole sequence, or one token after a cache"
        )
    said = _read(file)
    torch, transformers = require_torch(), require_transformers()
    with _offline():
        config = _config(transformers, file, said)
        return load_model_config(
            config,
            name=file.parent.resolve().name,
            batch=batch,
            seq_len=seq_len,
            context=context,
            torch=torch,
        )


def load_model_config(
    config: Any,
    *,
    name: str,
    batch: int = 1,
    seq_len: int | None = None,
    context: int | None = None,
    torch: Any = None,
) -> Workload:
    """Return the workload of a `transformers` configuration object; as `load_config`."""
    torch = torch or require_torch()
    with _offline():
        config = copy.deepcopy(config)
        config.use_cache = False
        config.architectures = config.architectures or []
        try:
            with torch.device("meta"):
                model = _build(config).to("meta")
        except OnewattError:
            raise
        except Exception as error:
            raise ImportFailure(
                f"{name}: config.json does not describe a network that can be built "
                f"({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            ) from error
        if context is not None:
            if not model.can_generate():
                raise InputError(
                    f"{name}: {type(model).__name__} does not generate tokens, so it has no step "
                    "with a cache (--context)"
                )
            from onewatt.importers.huggingface_cache import decode_step, without_prefix

            module, inputs = decode_step(torch, model, config, batch, context)
            return without_prefix(load_module(module, inputs, name=name), "model.")
        return load_module(model, _inputs(torch, model, config, batch, seq_len), name=name)


def require_transformers() -> Any:
    """Return the transformers package, or say how to install it."""
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency(
            'Hugging Face configurations need transformers: pip install "onewatt[torch]"'
        ) from error
    return transformers


@contextlib.contextmanager
def _offline() -> Generator[None]:
    """Keep transformers off the network and quiet."""
    keys = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    before = {k: os.environ.get(k) for k in keys}
    os.environ.update(dict.fromkeys(keys, "1"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ImportFailure(f"{file}: larger than {_MOST_BYTES // 2**20} MiB")
        said = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImportFailure(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ImportFailure(f"{file}: is not valid JSON ({str(error)[:120]})") from error
    if not isinstance(said, dict) or not isinstance(said.get("model_type"), str):
        raise ImportFailure(
            f"{file}: has no 'model_type'; expected a Hugging Face configuration of a network"
        )
    for key, value in said.items():
        if "layers" in key and isinstance(value, int) and value > _MOST_LAYERS:
            raise ImportFailure(
                f"{file}: {key!r} is {value}; expected at most {_MOST_LAYERS} layers"
            )
    if said.get("auto_map"):
        raise ImportFailure(
            f"{file}: needs code of its own ('auto_map'), which is not executed; build the module "
            "in Python and call onewatt.load_workload(module, example_inputs=...)"
        )
    return said


def _config(transformers: Any, file: Path, said: dict[str, Any]) -> Any:
    kind = said["model_type"]
    known = transformers.CONFIG_MAPPING
    if kind not in known:
        raise ImportFailure(
            f"{file}: model_type {kind!r} is unknown to transformers "
            f"{transformers.__version__}.{nearest(kind, list(known.keys()))}"
        )
    try:
        return transformers.AutoConfig.from_pretrained(
            str(file.parent), trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        raise ImportFailure(
            f"{file}: is not a complete configuration ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]})"
        ) from error


def _build(config: Any) -> Any:
    """Return the network on the meta device, with the head the configuration names."""
    transformers = require_transformers()
    for wanted in getattr(config, "architectures", None) or ():
        kind = getattr(transformers, str(wanted), None)
        if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
            return kind(config).eval()
    encoder = type(config) in transformers.AutoModelForMaskedLM._model_mapping
    for head in (_PICTURE, *((_TEXT, _NEXT) if encoder else (_NEXT, _TEXT))):
        auto = getattr(transformers, f"AutoModelFor{head}")
        if type(config) in auto._model_mapping:
            return auto.from_config(config).eval()
    return transformers.AutoModel.from_config(config).eval()


def _inputs(torch: Any, model: Any, config: Any, batch: int, seq_len: int | None) -> dict[str, Any]:
    """Return example inputs by name, from what the network calls its main input."""
    main = str(model.main_input_name)
    if main == "pixel_values":
        if seq_len is not None:
            raise InputError("found seq_len for a network of pictures; leave it out")
        return {main: _picture(torch, config, batch)}
    if main == "input_features":
        length = 2 * int(getattr(config, "max_source_positions", 1500))
        bins = int(getattr(config, "num_mel_bins", 80))
        found = {main: _empty(torch, batch, bins, seq_len or length)}
    elif main == "input_values":
        found = {main: _empty(torch, batch, seq_len or 16000)}
    else:
        found = {main: _tokens(torch, batch, _length(config, seq_len))}
    if getattr(config, "is_encoder_decoder", False) and not main.startswith("encoder"):
        length = _length(config, seq_len) if main == "input_ids" else 1
        if hasattr(model, "get_decoder") and _takes(model, "decoder_input_ids"):
            found["decoder_input_ids"] = _tokens(torch, batch, length)
    return found


def _takes(model: Any, name: str) -> bool:
    import inspect

    return name in inspect.signature(model.forward).parameters


def _empty(torch: Any, *shape: int) -> Any:
    return torch.empty(shape, device="meta", dtype=torch.get_default_dtype())


def _tokens(torch: Any, batch: int, length: int) -> Any:
    return torch.zeros((batch, length), dtype=torch.long, device="meta")


def _picture(torch: Any, config: Any, batch: int) -> Any:
    size = getattr(config, "image_size", None) or 224
    height, width = (size, size) if isinstance(size, int) else tuple(size)[:2]
    return _empty(torch, batch, int(getattr(config, "num_channels", 3)), int(height), int(width))


def _length(config: Any, seq_len: int | None) -> int:
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if seq_len is None:
        return min(SEQUENCE, int(most)) if isinstance(most, int) and most > 0 else SEQUENCE
    relative = getattr(config, "rope_parameters", None) is not None
    if isinstance(most, int) and 0 < most < seq_len and not relative:
        raise InputError(f"found seq_len {seq_len}; expected at most {most}, which the network has")
    return seq_len
