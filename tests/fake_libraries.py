"""Stand-ins for neuralforecast and chronos-forecasting: their interface, and next to no weight.

They let the adapters' own work be tested where the libraries are not installed. What the libraries
themselves do is tested where they are.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FAKE_NEURALFORECAST = find_spec("neuralforecast") is None
FAKE_CHRONOS = find_spec("chronos") is None


class Loss(nn.Module):
    """Squared errors, whatever its name."""

    def domain_map(self, output: Tensor) -> Tensor:
        return output


class Scaler:
    """The mean and deviation of each window."""

    def __init__(self, scaler_type: str) -> None:
        if scaler_type not in ("identity", "standard"):
            raise AssertionError(f"{scaler_type} not defined")
        self.scales = scaler_type == "standard"

    def transform(self, x: Tensor, mask: Tensor) -> Tensor:
        assert mask.shape == x.shape
        mean, deviation = x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True) + 1e-6
        self.x_shift = mean if self.scales else torch.zeros_like(mean)
        self.x_scale = deviation if self.scales else torch.ones_like(mean)
        return (x - self.x_shift) / self.x_scale

    def inverse_transform(self, z: Tensor, x_shift: Tensor, x_scale: Tensor) -> Tensor:
        return z * x_scale + x_shift


class DataSet:
    """One series and where it is known."""

    def __init__(
        self, temporal: NDArray[np.float32], temporal_cols: Any, indptr: Any, y_idx: int
    ) -> None:
        assert list(temporal_cols) == ["y", "available_mask"]
        assert (indptr.tolist(), y_idx) == ([0, len(temporal)], 0)
        self.temporal = torch.from_numpy(temporal)


class NLinear(nn.Module):
    """A linear layer in the form of one of neuralforecast's models."""

    def __init__(
        self,
        h: int,
        input_size: int,
        loss: Any = None,
        max_steps: int = 20,
        learning_rate: float = 1e-2,
        windows_batch_size: int = 64,
        scaler_type: str = "identity",
        random_seed: int = 1,
        training_data_availability_threshold: float = 0.0,
        **trainer_kwargs: Any,
    ) -> None:
        super().__init__()
        torch.manual_seed(random_seed)
        assert training_data_availability_threshold == 1.0
        assert trainer_kwargs["logger"] is False
        self.size, self.steps, self.max_steps = input_size, h, max_steps
        self.rate, self.batch, self.seed = learning_rate, windows_batch_size, random_seed
        self.trainer_kwargs: dict[str, Any] = trainer_kwargs
        self.loss, self.scaler = loss, Scaler(scaler_type)
        self.linear = nn.Linear(input_size, h)

    def forward(self, windows_batch: dict[str, Any]) -> Tensor:
        assert windows_batch["futr_exog"] is None
        assert windows_batch["insample_mask"].all()
        seen = windows_batch["insample_y"]
        found: Tensor = self.linear((seen - seen[:, -1:])[..., 0])[..., None] + seen[:, -1:]
        return found

    def fit(self, dataset: DataSet) -> None:
        windows = dataset.temporal.unfold(0, self.size + self.steps, 1)  # [windows, columns, rows]
        windows = windows[windows[:, 1].all(dim=1), 0]
        if not len(windows):
            raise ArithmeticError("No windows available for training")
        print("a library may print")
        generator = torch.Generator().manual_seed(self.seed)
        optimizer = torch.optim.SGD(self.parameters(), lr=self.rate)
        for _ in range(self.max_steps):
            batch = windows[torch.randint(len(windows), (self.batch,), generator=generator)]
            seen = self.scaler.transform(batch[:, :, None, None], torch.ones(*batch.shape, 1, 1))
            given = {"insample_y": seen[:, : self.size, 0], "futr_exog": None}
            given["insample_mask"] = torch.ones_like(seen[:, : self.size, 0])
            loss = nn.functional.mse_loss(self(given), seen[:, self.size :, 0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for callback in self.trainer_kwargs["callbacks"]:
                callback.on_train_batch_end(None, self, None, None, 0)


class BoltPipeline:
    """Quantiles about the last value, in the form of Chronos-Bolt."""

    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)

    def __init__(self, weight: Tensor, config: dict[str, Any]) -> None:
        self.inner_model = nn.ParameterDict({"weight": nn.Parameter(weight)})
        self.model_context_length = config["chronos_config"]["context_length"]
        self.model_prediction_length = config["chronos_config"]["prediction_length"]

    @classmethod
    def from_pretrained(cls, folder: str, **given: Any) -> Self:
        assert given == {
            "local_files_only": True,
            "use_safetensors": True,
            "trust_remote_code": False,
            "dtype": torch.float32,
        }
        config = json.loads((Path(folder) / "config.json").read_text())
        return cls(load_file(Path(folder) / "model.safetensors")["weight"], config)

    def predict_quantiles(
        self, inputs: Tensor, prediction_length: int, quantile_levels: list[float]
    ) -> tuple[Tensor, Tensor]:
        steps = torch.arange(1, prediction_length + 1)
        median = self.inner_model["weight"] * inputs.mean(dim=1, keepdim=True) * steps
        width = inputs.std(dim=1, keepdim=True) * steps.sqrt()
        quantiles = [median + (level - 0.5) * width for level in quantile_levels]
        return torch.stack(quantiles, dim=-1), median


class Chronos2Pipeline(BoltPipeline):
    """The same in the form of Chronos-2, which reads several series of one thing."""

    def predict_quantiles(
        self,
        inputs: Tensor,
        prediction_length: int,
        quantile_levels: list[float],
        batch_size: int = 1,
    ) -> tuple[Any, Any]:
        assert (inputs.shape[1], batch_size) == (1, len(inputs))
        found = super().predict_quantiles(inputs[:, 0], prediction_length, quantile_levels)
        return [each[None] for each in found[0]], [each[None] for each in found[1]]


def modules() -> dict[str, Any]:
    """The stand-ins by the names of the modules that they stand for; none for what is installed."""
    fakes: dict[str, dict[str, Any]] = {}
    if FAKE_NEURALFORECAST:
        fakes |= {
            "neuralforecast": {},
            "neuralforecast.models": {"NLinear": NLinear},
            "neuralforecast.losses": {},
            "neuralforecast.losses.pytorch": {"MSE": Loss, "MAE": Loss, "HuberLoss": Loss},
            "neuralforecast.tsdataset": {"TimeSeriesDataset": DataSet},
        }
    if FAKE_CHRONOS:
        logging = SimpleNamespace(disable_progress_bar=lambda: None)
        pipelines = {"ChronosBoltPipeline": BoltPipeline, "Chronos2Pipeline": Chronos2Pipeline}
        fakes |= {"chronos": pipelines, "transformers": {}}
        fakes |= {"transformers.utils": {"logging": logging}}
    made: dict[str, Any] = {}
    for name, content in fakes.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(content)
    return made


def save_weights(folder: Path, *, architecture: str = "ChronosBoltModelForForecasting") -> None:
    """Save a tiny model with random weights, a real one where the library is installed."""
    folder.mkdir()
    if not FAKE_CHRONOS:
        _save_real(folder, architecture)
        return
    sizes = {"context_length": 64, "prediction_length": 16}
    config = {"architectures": [architecture], "chronos_config": sizes}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"weight": torch.tensor([0.01])}, folder / "model.safetensors")


def _save_real(folder: Path, architecture: str) -> None:
    chronos2 = pytest.importorskip("chronos.chronos2", reason="chronos-forecasting is not there")
    bolt = pytest.importorskip("chronos.chronos_bolt", reason="chronos-forecasting is not there")
    config2 = pytest.importorskip("chronos.chronos2.config", reason="it is not there")
    transformers = pytest.importorskip("transformers", reason="transformers is not there")
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    common = {
        "context_length": 64,
        "input_patch_size": 4,
        "input_patch_stride": 4,
        "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "use_reg_token": True,
    }
    if architecture == "Chronos2Model":
        config = config2.Chronos2CoreConfig(**sizes)
        config.chronos_config = common | {
            "output_patch_size": 4,
            "max_output_patches": 4,
            "use_arcsinh": True,
            "time_encoding_scale": 64,
        }
        made = chronos2.Chronos2Model
    else:
        config = transformers.T5Config(
            **sizes,
            vocab_size=2,
            pad_token_id=0,
            decoder_start_token_id=0,
            initializer_factor=0.05,
        )
        config.chronos_config = common | {"prediction_length": 16}
        made = bolt.ChronosBoltModelForForecasting
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made(config).save_pretrained(str(folder))
    tree = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(tree | {"architectures": [architecture]}))
