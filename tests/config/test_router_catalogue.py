"""The routes of the file: the short form, routes of one's own, and how a mistake is reported."""

from pathlib import Path

import pytest

from chains.routes import routes_of
from weir.config.settings import Settings, SettingsError, settings

MODELS = '[models.small]\nbase_url = "http://h/v1"\n[models.large]\nkey_env = "LARGE_KEY"\n'
OWN = """
[router]
fallback = "other"
threshold = 0.6

[routes.billing]
description = "invoices and {refunds}"
model = "small"
calculator = true

[routes.other]
description = "anything else"
label = "Something else"
prompt = "Be brief."
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "WEIR_CONFIG", "WEIR_ROUTER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def read(text: str) -> Settings:
    Path("weir.toml").write_text(MODELS + text, encoding="utf-8")
    return Settings()


def test_the_short_form_gives_a_default_route_its_model_and_leaves_all_else() -> None:
    routes = routes_of(read('[routes]\nmath = "large"\n').catalogue.routing)
    assert [(route.name, route.model) for route in routes] == [("math", "large"), ("code", None), ("general", None)]
    math = routes.get("math")
    assert math is not None
    assert math.has_calculator
    assert math.prompt.startswith("You are a mathematician.")
    assert routes.fallback.name == "general"


def test_routes_of_ones_own_take_the_place_of_the_default_ones() -> None:
    routing = read(OWN).catalogue.routing
    routes = routes_of(routing)
    assert (routes.names, routes.fallback.name, routing.threshold) == (("billing", "other"), "other", 0.6)
    billing, other = routes
    assert (billing.label, billing.covers, billing.has_calculator) == ("Billing", "invoices and {refunds}", True)
    assert (other.label, other.prompt, other.color) == ("Something else", "Be brief.", "gray")
    assert not routing.has_local_classifier
    assert routes.shown("of_another_file").label == "Of another file"


def test_a_file_that_is_named_classifies_on_this_machine() -> None:
    Path("mine.npz").touch()
    routing = read(OWN.replace("[router]", '[router]\nfile = "mine.npz"')).catalogue.routing
    assert (routing.classify_by, routing.file) == ("local", Path("mine.npz"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[routes]\nmath = "huge"\n', "line 6, routes.math.model: there is no model 'huge'. There are small, large."),
        ('[routes.math]\nmodel = "huge"\n', "line 6, routes.math.model: there is no model 'huge'. There are"),
        ("[routes.billing]\nlabel = 'B'\n", "line 5, routes.billing: it has no description: say what belongs"),
        ("[routes.Billing]\ndescription = 'b'\n", "line 5, routes.Billing: 'Billing' is no name of a route: use small"),
        (
            "[routes.billing]\ndescription = 'b'\n",
            "line 5, routes.billing: a router has 2 to 20 routes, and this one has 1.",
        ),
        (
            "[routes.math]\ncolour = 'b'\n",
            "line 6, routes.math.colour: there is no such field. Fields are description,",
        ),
        ("[router]\nclasify_by = 'b'\n", "line 6, router.clasify_by: there is no such field. Fields are classify_by,"),
        ("[router]\nclassify_by = 'me'\n", "line 6, router.classify_by: Input should be 'model' or 'local'."),
        ("[router]\nthreshold = 2\n", "line 6, router.threshold: Input should be less than or equal to 1."),
        (
            "[router]\nfallback = 'x'\n",
            "line 6, router.fallback: there is no route 'x'. There are math, code, general.",
        ),
        ("[router]\nmodel = 'x'\n", "line 6, router.model: there is no model 'x'. There are small, large."),
        ("[router]\nfile = 'x.npz'\n", "line 6, router.file: there is no file x.npz. Make it: weir classify --train"),
        ("[router]\nmodel = 'small'\nclassify_by = 'local'\n", "line 6, router.model: the local classifier asks no"),
        ("[router]\nmodel = 'small'\nfile = 'x.npz'\n", "line 5, router: it names a model and a file to classify with"),
        (OWN.replace("[router]", "[router]\nclassify_by = 'local'"), "the classifier that comes with Weir knows math"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(text: str, sentence: str) -> None:
    Path("weir.toml").write_text(MODELS + text, encoding="utf-8")
    settings.cache_clear()
    with pytest.raises(SettingsError) as raised:
        settings()
    assert sentence in str(raised.value)


def test_the_variable_cannot_ask_for_a_classifier_that_does_not_know_the_routes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEIR_ROUTER", "local")
    Path("weir.toml").write_text(MODELS + OWN, encoding="utf-8")
    settings.cache_clear()
    with pytest.raises(SettingsError, match=r"WEIR_ROUTER=local: the classifier that comes with Weir knows"):
        settings()
