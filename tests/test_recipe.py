"""A recipe is checked key by key, and a wrong one is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from candlecast.errors import InputError
from candlecast.recipe import Recipe, packaged_recipes


def test_the_article_recipe_holds_every_choice_of_the_article() -> None:
    recipe = Recipe.load("article")
    assert recipe.seed == 42
    assert recipe.data.start == datetime(2021, 1, 1, 0, 1, tzinfo=UTC)
    assert recipe.features == (
        "day_of_week",
        "day_of_month",
        "week_of_year",
        "month",
        "open",
        "high",
        "low",
        "close_change",
        "close",
    )
    assert (recipe.target, recipe.horizons, recipe.scaler) == ("close", (1,), "minmax")
    assert (recipe.windows.lookback, recipe.windows.across_gaps) == (120, True)
    assert (recipe.split.train, recipe.split.validation, recipe.split.embargo) == (0.9, "test", 1)
    assert recipe.model is not None
    assert recipe.model.network == "lstm"
    assert recipe.model.options == {"hidden": 128, "layers": 2, "dropout": 0.2}
    training = recipe.training
    assert training is not None
    assert (training.learning_rate, training.batch_size, training.shuffle) == (1e-4, 64, False)
    assert (training.min_epochs, training.max_epochs, training.patience) == (3, 8, 2)


@pytest.mark.parametrize("name", list(packaged_recipes()))
def test_a_packaged_recipe_survives_yaml(name: str, tmp_path: Path) -> None:
    recipe = Recipe.load(name)
    path = tmp_path / "copy.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    assert Recipe.load(path) == recipe


def test_overrides_reach_any_key_in_order() -> None:
    recipe = Recipe.load(
        "article",
        [
            "training.max_epochs=5",
            "training.max_epochs=4",
            "data.start=2021-02-01",
            "data.end=2021-03-01T12:00:00-03:00",
            "data.interval=5m",
            "features=[close, open]",
        ],
    )
    assert recipe.training is not None
    assert recipe.training.max_epochs == 4
    assert recipe.data.start == datetime(2021, 2, 1, tzinfo=UTC)
    assert recipe.data.end == datetime(2021, 3, 1, 15, tzinfo=UTC)
    assert recipe.data.interval == "5m"
    assert recipe.features == ("close", "open")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.max_epoch=1", r"unknown key 'training.max_epoch' \(did you mean 'max_epochs'"),
        ("windows.zzz=1", r"unknown key 'windows.zzz' \(known keys: lookback, across_gaps\)"),
        ("sed=1", r"unknown key 'sed' \(did you mean 'seed'"),
        ("training.max_epochs=two", "'training.max_epochs' is 'two'"),
        ("training.max_epochs=2", "min_epochs 3 is above max_epochs 2"),
        ("training.learning_rate=0", "'training.learning_rate' is 0"),
        ("split.train=1.5", "'split.train' is 1.5"),
        ("split={train: 0.8, validation: 0.3}", "leave no test part"),
        ("features=[closs]", "feature 'closs' is not known"),
        ("features=[close, close]", "close stands twice"),
        ("features=['close@0']", "feature 'close@0' is not known"),
        ("features=['talib:rsi']", "not written like talib:RSI"),
        ("market_features=[month]", "feature 'MARKET:month' is not known"),
        ("market_features=[body, body]", "body stands twice"),
        ("features=[]", "'features' is"),
        ("calibration.gain=0", "'calibration.gain' is 0"),
        ("calibration.adaptve=false", r"unknown key 'calibration.adaptve' \(did you mean 'ada"),
        ("horizons=[5, 1]", "horizons must rise"),
        ("horizons=[0]", "'horizons.0' is 0: [^;]*$"),
        ("data.interval=1 minute", "not an interval"),
        ("data={start: 2021-02-01, end: 2021-01-01}", "is not before end"),
        ("data.start=2021-02-30", "day is out of range"),
        ("data.end=0001-01-01T00:00:00+05:00", "is out of range in UTC"),
        ("data.start=!!timestamp x", "cannot be read as YAML"),
        ("seed=!!bool foo", "cannot be read as YAML"),
        ("seed=!!int ''", "cannot be read as YAML"),
        ("data.start=2021", "'data.start' is 2021: write a date"),
        ("data.end=20210101", "'data.end' is 20210101: write a date"),
        ("training.learning_rate=.inf", "'training.learning_rate' is inf"),
        ("windows.lookback=99999999999999999999999", "'windows.lookback' is"),
        ("data.simulated.rows=4000000000", "'data.simulated.rows' is 4000000000"),
        ("horizons=5", "'horizons' is 5: Input should be a list$"),
        ("split.validation=tset", "'split.validation' is 'tset': [^;]*$"),
        ("model.options.hidden=[1]", "'model.options.hidden' is [^;]*$"),
        ("model.members=0", "'model.members' is 0: [^;]*$"),
        ("model.dropout=1", "'model.dropout' is 1: [^;]*$"),
        ("model.linear=0", "'model.linear' is 0: [^;]*$"),
        ("training.schedule=cosine", "'training.schedule' is 'cosine': [^;]*'one_cycle'$"),
        ("training.clip=0", "'training.clip' is 0: [^;]*$"),
        ("training.sequence=0", "'training.sequence' is 0: [^;]*$"),
        ("training.weight_decay=-1", "'training.weight_decay' is -1: [^;]*$"),
        ("name=Über", "'name' is 'Über'"),
        ("model={}", "key 'model.network' is missing"),
        ("training.max_epochs", "write key=value"),
        ("=1", "write key=value"),
        ("seed.a=1", "'seed' holds a value"),
        ("seed=[1", "--set seed=.1: this cannot be read as YAML"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe.load("article", [override])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n- b\n", "a recipe is a YAML mapping"),
        (b"a: [", "this cannot be read as YAML"),
        (b"seed: 1\nseed: 2\n", "key 'seed' stands twice"),
        (b"[" * 3000, "this cannot be read as YAML"),
        (b"", "a recipe is a YAML mapping"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"name: x\n", "key 'split' is missing"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Recipe.load(path)
    assert str(path) in str(caught.value)


def test_an_unknown_recipe_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        InputError, match=r"no recipe 'artikel'\. Packaged recipes: article, default"
    ):
        Recipe.load("artikel")


def test_names_of_a_features_file_are_left_to_it() -> None:
    own = ["features_file=mine.py", "features=[close, mine, 'mine@2']"]
    assert Recipe.load("article", own).features == ("close", "mine", "mine@2")
    with pytest.raises(InputError, match="feature 'mine' is not known"):
        Recipe.load("article", own[1:])


def test_the_resolved_yaml_has_every_key() -> None:
    tree = yaml.safe_load(Recipe.load("default").to_yaml())
    assert set(tree) == set(Recipe.model_fields)
    assert tree["data"]["simulated"]["r2"] == 0.01


def test_persistence_and_the_yardstick_are_always_among_the_baselines() -> None:
    recipe = Recipe.load("default", ["baselines=[har]"])
    assert recipe.baselines == ("persistence", "ewma_t", "har")
    with pytest.raises(InputError, match="har stands twice"):
        Recipe.load("default", ["baselines=[har, har]"])


@pytest.mark.parametrize("key", ["features", "windows", "training"])
def test_a_network_needs_inputs_windows_and_training(key: str) -> None:
    tree = Recipe.load("default").model_dump(mode="json")
    del tree[key]
    with pytest.raises(InputError, match=f"key '{key}' is missing or empty: the 'model' needs it"):
        Recipe.from_tree(tree)
    with pytest.raises(InputError, match="there is 'training' and no 'model'"):
        Recipe.load("default", ["model=null"])
    assert Recipe.load("default", ["model=null", "training=null"]).model is None


@pytest.mark.parametrize("refit", ["monthly", "0", "1.5"])
def test_a_refit_is_a_month_or_a_count(refit: str) -> None:
    with pytest.raises(InputError, match="write month, or a count of candles"):
        Recipe.load("econometric", [f"walkforward.refit={refit}"])


@pytest.mark.parametrize(
    ("recipe", "override", "key"),
    [
        ("default", "target=close", "target"),
        ("default", "scaler=minmax", "scaler"),
        ("default", "windows.across_gaps=true", "windows.across_gaps"),
        ("article", "model.head=quantiles", "model.head"),
        ("article", "model.members=2", "model.members"),
        ("article", "model.dropout=0.1", "model.dropout"),
        ("article", "model.linear=1.0", "model.linear"),
        ("article", "training.steps=3", "training.steps"),
        ("article", "training.mirror=true", "training.mirror"),
    ],
)
def test_a_key_that_the_model_does_not_read_is_refused(
    recipe: str, override: str, key: str
) -> None:
    with pytest.raises(InputError, match=f"does not know '{key}'; leave it out"):
        Recipe.load(recipe, [override])


def test_a_head_is_for_networks_that_learn_from_every_step() -> None:
    model = Recipe.load("default", ["model.head=normal_mixture"]).needed_model()
    assert model.head == "normal_mixture"
    assert Recipe.load("default").needed_model().head == "student_t"
    with pytest.raises(InputError, match=r"'model.head' is 'normal'"):
        Recipe.load("default", ["model.head=normal"])
    trees = ["model={network: lightgbm, head: quantiles}", "training=null"]
    with pytest.raises(InputError, match="a model of trees does not know"):
        Recipe.load("default", trees)


def test_a_warm_start_is_refused_where_nothing_could_start_from_it() -> None:
    model = "model={network: ensemble, of: [{network: lstm}, {network: har}]}"
    with pytest.raises(InputError, match=r"an ensemble does not know 'walkforward\.warm_start'"):
        Recipe.load("default", [model, "walkforward.warm_start=true"])
