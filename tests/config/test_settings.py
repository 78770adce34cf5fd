import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from weir.config.settings import Settings, SettingsError, settings

VARIABLES = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "WEIR_CONFIG",
    "WEIR_LOCAL_MODEL",
    "WEIR_TIMEOUT",
    "WEIR_RETRIES",
    "WEIR_GRACE",
    "WEIR_RECORD_MB",
    "WEIR_KEEP_MB",
    "WEIR_ATTACHMENTS_MB",
    "WEIR_API_TOKEN",
    "WEIR_API_TOKENS",
    "WEIR_ALLOWED_HOSTS",
    "WEIR_MAX_RUNS",
    "WEIR_MAX_RUNS_PER_CLIENT",
    "WEIR_MAX_RUNS_PER_VISITOR",
    "WEIR_RUNS_PER_MINUTE",
    "WEIR_TOTAL_RUNS_PER_MINUTE",
    "WEIR_TOKENS_PER_DAY",
    "WEIR_TOTAL_TOKENS_PER_DAY",
    "WEIR_ALLOWED_USERS",
    "WEIR_FRAMED_BY",
    "WEIR_LOG",
    "WEIR_CHAINS",
    "WEIR_DISCOVER",
    "WEIR_ROUTER",
    "WEIR_WINDOW",
    "WEIR_DATA",
    "WEIR_DATABASE_URL",
    "WEIR_REDIS_URL",
    "WEIR_REDIS_OPTIONAL",
    "WEIR_REDIS_MB",
    "WEIR_REDIS_HOURS",
    "WEIR_DRAIN",
    "WEIR_PRICE_IN",
    "WEIR_PRICE_OUT",
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_with_nothing_set_the_embedded_model_answers() -> None:
    assert settings().uses_embedded_model


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_blank_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "  ")
    assert settings().uses_embedded_model


def test_a_dotenv_file_is_read_and_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_MODEL=from-file\nWEIR_TIMEOUT=7\n", encoding="utf-8")
    monkeypatch.setenv("OPENAI_MODEL", "from-environment")
    assert settings().openai_model == "from-environment"
    assert settings().idle_timeout_seconds == 7


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("OPENAI_MODEL", ""),
        ("WEIR_TIMEOUT", "soon"),
        ("WEIR_TIMEOUT", "0"),
        ("WEIR_RETRIES", "-1"),
        ("WEIR_GRACE", "never"),
        ("WEIR_RECORD_MB", "-5"),
        ("WEIR_RECORD_MB", "0"),
        ("WEIR_RECORD_MB", "inf"),
        ("WEIR_RECORD_MB", "nan"),
        ("WEIR_RECORD_MB", "1e300"),
        ("WEIR_KEEP_MB", "-1"),
        ("WEIR_ATTACHMENTS_MB", "-1"),
        ("WEIR_TIMEOUT", "nan"),
        ("WEIR_GRACE", "inf"),
        ("WEIR_PRICE_IN", "inf"),
        ("WEIR_PRICE_OUT", "nan"),
        ("WEIR_MAX_RUNS", "1e30"),
        ("WEIR_WINDOW", "9" * 30),
        ("WEIR_TOKENS_PER_DAY", "9" * 30),
        ("WEIR_DATA", "~nobody-of-that-name/weir"),
        ("WEIR_MAX_RUNS", "0"),
        ("WEIR_RUNS_PER_MINUTE", "0"),
        ("WEIR_TOKENS_PER_DAY", "many"),
        ("WEIR_ALLOWED_USERS", "ann"),
        ("WEIR_FRAMED_BY", "portal.example.org"),
        ("WEIR_FRAMED_BY", "https://portal.example.org/page"),
        ("WEIR_FRAMED_BY", "https://a.example; script-src *"),
        ("WEIR_ALLOWED_USERS", "ann; ben.example"),
        ("WEIR_LOG", "xml"),
        ("WEIR_PRICE_IN", "-1"),
        ("WEIR_PRICE_OUT", "cheap"),
    ],
)
def test_a_bad_value_is_told_with_its_variable_and_an_example(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        settings()
    assert re.search(rf"{variable} has a value '{re.escape(value)}'.*For example: {variable}=\S", str(raised.value))


def test_the_key_is_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("WEIR_API_TOKEN", "a-canary-of-a-token")
    assert "canary" not in repr(settings())
    assert settings().secrets == ("sk-canary", "a-canary-of-a-token")


NUMBERS = [
    (name, number)
    for name, field in Settings.model_fields.items()
    if "int" in str(field.annotation) or "float" in str(field.annotation)
    for number in ("inf", "-inf", "nan", "1e400", "-1", "1" + "0" * 40, "١٢x")
]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_every_number_has_a_bound(monkeypatch: pytest.MonkeyPatch, name: str, number: str) -> None:
    variable = Settings.model_fields[name].validation_alias.choices[0]  # type: ignore[union-attr]
    monkeypatch.setenv(str(variable), number)
    with pytest.raises(SettingsError, match=str(variable)):
        settings()


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "WEIR_API_TOKEN"])
def test_what_stands_around_a_key_is_taken_away(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, " \tsk-canary-0123456789 \r\n")
    assert settings().secrets == ("sk-canary-0123456789",)


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "WEIR_API_TOKEN"])
@pytest.mark.parametrize(
    "key", ["sk-canary 0123456789", "sk-canary\n0123456789", "sk-canary-é-0123456789", "“sk-canary-0123456789”"]
)
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, key: str
) -> None:
    monkeypatch.setenv(variable, key)
    with pytest.raises(SettingsError, match=f"{variable} has a value that Weir cannot use: .*blank") as raised:
        settings()
    assert "canary" not in str(raised.value)


def test_a_blank_folder_is_unset_and_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEIR_DATA", "  ")
    assert settings().data_folder == Path("data")
    settings.cache_clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WEIR_DATA", "~/weir")
    monkeypatch.setenv("WEIR_LOCAL_MODEL", "~/model.gguf")
    assert settings().data_folder == tmp_path / "weir"
    assert settings().local_model == tmp_path / "model.gguf"


@pytest.mark.parametrize("proxy", ["socks4://127.0.0.1:9", "ftp://127.0.0.1", "http://127.0.0.1:port", "nonsense://"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(SettingsError, match="ALL_PROXY names a proxy that Weir cannot use"):
        settings()


def test_a_token_that_is_too_short_is_told_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_API_TOKEN", "short-canary")
    with pytest.raises(SettingsError) as raised:
        settings()
    assert "WEIR_API_TOKEN has a value that Weir cannot use" in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "http://weir:canary%2Fword@host/v1"),
        ("WEIR_DATABASE_URL", "postgresql://weir:canary%2Fword@host/weir"),
        ("WEIR_REDIS_URL", "redis://:canary%2Fword@host:6379/0"),
    ],
)
def test_a_password_in_an_address_is_a_secret(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert {"canary%2Fword", "canary/word"} <= set(settings().secrets)


def test_what_a_server_is_sent_for_a_name_and_a_password_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://weir:canary%2Fword@host/v1")
    assert "d2VpcjpjYW5hcnkvd29yZA==" in settings().secrets


def test_an_address_that_cannot_be_used_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "weir:canary@host")
    with pytest.raises(SettingsError) as raised:
        settings()
    assert "canary" not in str(raised.value)


def test_a_cost_needs_both_prices_and_both_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_PRICE_IN", "2")
    assert settings().answer_cost(1_000_000, 1_000_000) is None
    settings.cache_clear()
    monkeypatch.setenv("WEIR_PRICE_OUT", "10")
    assert settings().answer_cost(500_000, 100_000) == pytest.approx(2.0)
    assert settings().answer_cost(None, 5) is None


@pytest.mark.parametrize("document", [".env.example", "README.md"])
def test_every_variable_is_documented(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    declared = [field.validation_alias.choices[0] for field in Settings.model_fields.values()]  # type: ignore[union-attr]
    assert sorted(declared) == sorted(VARIABLES)  # type: ignore[type-var]
    assert [variable for variable in declared if str(variable) not in text] == []


def test_each_client_has_a_token_of_its_own_that_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_API_TOKENS", " ann=canary-token-of-ann, ci = canary-token-of-ci==")
    assert settings().tokens_of_clients == {"ann": "canary-token-of-ann", "ci": "canary-token-of-ci=="}
    assert settings().needs_token
    assert {"canary-token-of-ann", "canary-token-of-ci=="} <= set(settings().secrets)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("canary-token-of-ann", "each token needs a name"),
        ("ann=canary", "16 characters or more"),
        ("ann=canary-token-of-ann, ann=canary-token-of-bob", "each token needs a name of its own"),
        ("ann=canary-token-of-ann, bob=canary-token-of-ann", "two clients have the same token"),
    ],
)
def test_tokens_of_clients_that_cannot_be_used_are_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str, why: str
) -> None:
    monkeypatch.setenv("WEIR_API_TOKENS", value)
    with pytest.raises(SettingsError) as raised:
        settings()
    assert why in str(raised.value)
    assert "canary" not in str(raised.value)
