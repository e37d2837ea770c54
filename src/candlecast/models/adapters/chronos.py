"""Chronos models (Ansari et al., 2024), which forecast without having seen the market.

Their weights lie in a folder of the user's and nothing is fetched. A model reads the log closes of
a window, beside the last of them and in units of the volatility known at the origin, and gives
quantiles of those to come: their median is where the log return lies, and the distance of the
outer ones how far it may err. What is learned here is the spread alone.

Only those that give quantiles are read, Chronos-Bolt and Chronos-2. The first Chronos draws its
forecasts at random, so that the same window would be forecast otherwise each time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from torch import Tensor, nn

from candlecast.candles import Candles
from candlecast.errors import InputError, MissingCodeError, MissingWeightsError
from candlecast.models.adapters.foreign import AdapterSettings, Said, quiet
from candlecast.models.networks import checked_options
from candlecast.models.own_network import said as in_words
from candlecast.models.sequence.inputs import volatility_of
from candlecast.progress import Progress
from candlecast.recipe import CHRONOS, Option
from candlecast.windows import WindowBatches

PIPELINES = {
    "ChronosBoltModelForForecasting": "ChronosBoltPipeline",
    "Chronos2Model": "Chronos2Pipeline",
}
"""What reads a model, by the architecture that its config.json names."""

_LEVELS = [0.1, 0.5, 0.9]
_DEVIATIONS = 2 * float(special.ndtri(_LEVELS[-1]))  # between the outer ones, were it a normal
_LEAST_WIDTH = 0.05  # volatilities: no quantiles lie closer than this, or in the wrong order
_CONFIG = "config.json"


@dataclass(frozen=True)
class ChronosOptions:
    """Where the weights are.

    Attributes:
        weights: The folder of a model: config.json and safetensors files.
        weights_sha256: What `weights_sha256` must give of it; None takes it as it is.
        batch_size: Windows that are forecast at once.
    """

    weights: str
    weights_sha256: str | None = None
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256


class Chronos:
    """A Chronos model that gives quantiles.

    Args:
        settings: Its options are those of `ChronosOptions`.
    """

    def __init__(self, settings: AdapterSettings) -> None:
        arguments: dict[str, Any] = checked_options(CHRONOS, ChronosOptions, settings.options)
        given = ChronosOptions(**arguments)
        folder = Path(given.weights).absolute()
        sha256 = weights_sha256(folder)
        if given.weights_sha256 not in (None, sha256):
            raise MissingWeightsError(
                f"{folder}: these weights are not those that are asked for (SHA-256 "
                f"{sha256[:12]}… and not {str(given.weights_sha256)[:12]}…). Put those back, or "
                "train again."
            )
        self._settings, self._batch = settings, given.batch_size
        self._architecture = _architecture(folder)
        self._pipeline = _loaded(folder, PIPELINES[self._architecture])
        self._check_sizes(folder)
        self.options: dict[str, Option] = {
            "weights": str(folder),
            "weights_sha256": sha256,
            "batch_size": given.batch_size,
        }

    @property
    def name(self) -> str:
        """The library's name."""
        return CHRONOS

    @property
    def network(self) -> nn.Module:
        """The library's network."""
        network: nn.Module = self._pipeline.inner_model
        return network

    @property
    def rows(self) -> int:
        """As many candles as closes."""
        return self._settings.lookback

    def learn(
        self, candles: Candles, train: range, start: nn.Module | None, progress: Progress
    ) -> int:
        """Nothing: it forecasts as it is."""
        del candles, train, start, progress
        return 0

    @torch.inference_mode()
    def said(self, candles: Candles, origins: NDArray[np.int64], progress: Progress) -> Said:
        """The medians, and the distances of the outer quantiles in deviations of a normal."""
        windows = WindowBatches(
            torch.from_numpy(np.log(candles.frame["close"].to_numpy())[:, None]),
            torch.from_numpy(volatility_of(candles)[:, None].copy()),
            torch.from_numpy(origins),
            self._settings.lookback,
            self._batch,
        )
        progress.start(f"forecast of {self.name}", total=len(windows))
        said: list[Tensor] = []
        for closes, volatility in windows:
            levels = (closes[:, :, 0] - closes[:, -1]) / volatility
            said.append(self._quantiles(levels.float()))
            progress.advance()
        places = np.array(self._settings.horizons) - 1
        low, median, high = torch.cat(said).double().numpy()[:, places].transpose(2, 0, 1)
        return Said(median, np.maximum((high - low) / _DEVIATIONS, _LEAST_WIDTH))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """None: the weights are the user's, and stay where they are."""
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing to take up."""
        del arrays

    def _quantiles(self, windows: Tensor) -> Tensor:
        """Of windows [batch, lookback] the quantiles; shape [batch, steps, levels]."""
        asked: dict[str, Any] = {
            "prediction_length": max(self._settings.horizons),
            "quantile_levels": _LEVELS,
        }
        with quiet():
            if self._architecture == "Chronos2Model":  # it reads several series of one thing
                found, _ = self._pipeline.predict_quantiles(
                    windows[:, None], batch_size=len(windows), **asked
                )
                return torch.stack(list(found))[:, 0].cpu()
            quantiles: Tensor = self._pipeline.predict_quantiles(windows, **asked)[0]
            return quantiles.cpu()

    def _check_sizes(self, folder: Path) -> None:
        """Raise an `InputError` if the model was not made for windows or horizons so long."""
        sizes = {
            "windows.lookback": (self._settings.lookback, self._pipeline.model_context_length),
            "horizons": (max(self._settings.horizons), self._pipeline.model_prediction_length),
        }
        for key, (asked, most) in sizes.items():
            if asked > most:
                raise InputError(
                    f"{key} reaches to {asked} and the model in {folder} to {most} candles. Set a "
                    f"shorter {key}."
                )


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of the JSON and safetensors files in a folder, names and contents.

    Raises:
        MissingWeightsError: If it cannot be read, or holds no model.
    """
    digest = hashlib.sha256()
    try:
        files = sorted(
            file for file in folder.iterdir() if file.suffix in (".json", ".safetensors")
        )
        for file in files:
            with file.open("rb") as content:
                inner = hashlib.file_digest(content, "sha256")
            digest.update(f"{file.name} {inner.hexdigest()}\n".encode())
    except OSError as error:
        raise MissingWeightsError(
            f"{folder}: the folder of weights cannot be read ({in_words(error)}). Name one by "
            "model.options.weights, or put it back."
        ) from error
    if {file.suffix for file in files} != {".json", ".safetensors"}:
        raise MissingWeightsError(
            f"{folder}: there is no model here ({_CONFIG} and safetensors files). Name a folder "
            "that has one by model.options.weights."
        )
    return digest.hexdigest()


def _architecture(folder: Path) -> str:
    """The architecture that a model's config.json names, if it is in `PIPELINES`."""
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        architecture = config["architectures"][0]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{folder / _CONFIG}: no architecture can be read here ({in_words(error)}). Name the "
            "folder of a Chronos model by model.options.weights."
        ) from error
    if architecture not in PIPELINES:
        raise InputError(
            f"{folder}: a model of {architecture} is not known here; those that give quantiles "
            f"are: {', '.join(PIPELINES)}. Take a Chronos-Bolt or Chronos-2 model."
        )
    if (folder / "adapter_config.json").exists():  # it names another model, wherever that lies
        raise InputError(f"{folder}: this is an adapter of a model. Take a whole model.")
    return str(architecture)


def _loaded(folder: Path, pipeline: str) -> Any:
    """A model from a folder: safetensors only, nothing fetched, nothing executed."""
    try:
        with quiet():
            import chronos
            from transformers.utils import logging as transformers_logging
    except ImportError as missing:
        raise MissingCodeError(
            f"the network {CHRONOS} needs chronos-forecasting. Install it with: "
            f"pip install 'candlecast[{CHRONOS}]' ({missing})"
        ) from missing
    transformers_logging.disable_progress_bar()
    with quiet():
        try:
            loaded = getattr(chronos, pipeline).from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
        except Exception as error:  # of others' code, which may raise whatever it likes
            raise InputError(
                f"{folder}: chronos-forecasting cannot load this model ({in_words(error)}). Name "
                "another folder by model.options.weights."
            ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded.inner_model.to(device).eval()
    return loaded
