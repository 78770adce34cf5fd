"""The file of the models: what it may have, and how a mistake in it is reported."""

from pathlib import Path

import pytest

from weir.config.model_catalogue import EMBEDDED
from weir.config.settings import Settings, SettingsError, settings

KEY = "sk-canary-0123456789"
FILE = """
default = "large"

[models.small]
base_url = "http://localhost:11434/v1"
model = "llama3.2"
window = 4000

[models.large]
key_env = "LARGE_KEY"
model = "gpt-5"
price_in = 2
price_out = 10

[models.tiny]
embedded = true
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "WEIR_CONFIG", "WEIR_LOCAL_MODEL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Settings:
    Path("weir.toml").write_text(text, encoding="utf-8")
    return Settings()


def test_the_file_names_models_and_which_answers_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LARGE_KEY", f" {KEY}\n")
    read = written(FILE)
    found = read.catalogue
    assert found.names == ("small", "large", "tiny")
    assert (found.default.name, found.default.model) == ("large", "gpt-5")
    assert found.default.key is not None
    assert found.default.key.get_secret_value() == KEY
    assert KEY in read.secrets
    assert [model.entry.is_embedded for model in found] == [False, False, True]
    assert read.answer_cost(1_000_000, 100_000, "large") == pytest.approx(3.0)
    assert read.answer_cost(1_000_000, 100_000, "gpt-5") == pytest.approx(3.0)
    assert read.answer_cost(1_000_000, 100_000, "of another program") is None
    assert read.answer_cost(1_000_000, 100_000, "small") is None


def test_a_key_may_stand_in_the_env_file_and_one_that_is_missing_is_named() -> None:
    assert written(FILE).catalogue.default.missing_key == "LARGE_KEY"
    Path(".env").write_text(f"LARGE_KEY={KEY}\n", encoding="utf-8")
    assert written(FILE).catalogue.default.missing_key is None


def test_the_model_of_the_environment_comes_first_and_without_a_file_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().catalogue.names == (EMBEDDED,)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    monkeypatch.setenv("OPENAI_MODEL", "fake")
    assert Settings().catalogue.names == ("fake",)
    assert not Settings().catalogue.is_file
    with_file = written(FILE.replace('default = "large"', "")).catalogue
    assert with_file.names == ("fake", "small", "large", "tiny")
    assert with_file.default.name == "fake"
    assert written(FILE.replace("large", "fake")).catalogue.default.entry.price_in == 2


def test_the_password_of_an_address_is_a_secret() -> None:
    read = written('[models.a]\nbase_url = "http://weir:canary%2Fword@host/v1"\n')
    assert {"canary%2Fword", "canary/word", "d2VpcjpjYW5hcnkvd29yZA=="} <= set(read.secrets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[models.a\n",
            "weir.toml is not TOML: Expected ']' at the end of a table declaration (at line 1",
        ),
        ("[models.a]\nmodel = 'b'\n", "weir.toml, line 1, models.a: it names no endpoint: add base_url = "),
        (
            "[models.a]\nbase_url = 'http://h/v1'\n\n[models.b]\nbase_url = 'h'\n",
            "weir.toml, line 5, models.b.base_url: Input should be a valid URL",
        ),
        (
            "[models.a]\nkey_env = 'A'\nprice = 1\n",
            "line 3, models.a.price: there is no such field. Fields are base",
        ),
        ("[models.a]\napi_key = 'sk-canary'\n", "line 2, models.a.api_key: a key does not stand in this file: put it"),
        (
            "[models.a]\nkey_env = 'sk-canary'\n",
            "line 2, models.a.key_env: it must be the name of an environment",
        ),
        ("[models.a]\nembedded = true\nkey_env = 'A'\n", "models.a: the embedded engine has no key_env: take it away"),
        ("default = 'b'\n[models.a]\nkey_env = 'A'\n", "line 1, default: there is no model 'b'. There are a."),
        ("[models.'replay:a']\nkey_env = 'A'\n", "'replay:a' is no name: use letters, digits and"),
        (
            "[models.a]\nembedded = true\n[models.b]\nembedded = true\n",
            "line 3, models.b: the embedded engine",
        ),
        ("models = 1\n", "line 1, models: Input should be a valid dictionary"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field_and_no_key(text: str, sentence: str) -> None:
    Path("weir.toml").write_text(text, encoding="utf-8")
    settings.cache_clear()
    with pytest.raises(SettingsError) as raised:
        settings()
    assert sentence in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_named_file_must_be_there_and_a_key_must_fit_into_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CONFIG", "none.toml")
    settings.cache_clear()
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read: No such file or directory\. Correct the"):
        settings()
    monkeypatch.delenv("WEIR_CONFIG")
    monkeypatch.setenv("LARGE_KEY", "sk canary")
    Path("weir.toml").write_text(FILE, encoding="utf-8")
    with pytest.raises(SettingsError, match="the key in LARGE_KEY has a blank") as raised:
        settings()
    assert "canary" not in str(raised.value)
