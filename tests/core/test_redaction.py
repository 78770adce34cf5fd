import json
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda

from tests.support.pumping import Pump, nonlinear_time
from weir.core.redaction import PLACEHOLDER, Redactor, install_log_redaction
from weir.runs import recording_file
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

KEY = 'sk-canary-"quoted"-and-é-0123456789'


def test_redactor_hides_a_secret_whole_and_cut_short() -> None:
    secrets = Redactor([KEY, "other-secret"])
    assert secrets.redact(f"a {KEY} b other-secret") == f"a {PLACEHOLDER} b {PLACEHOLDER}"
    assert secrets.redact(f"cut {KEY[:20]}") == f"cut {PLACEHOLDER}"
    assert secrets.redact(f"cut {KEY[:20]} and on") == f"cut {PLACEHOLDER} and on"


@pytest.mark.parametrize("word", ["", "none", "ollama", "sk-test"])
def test_redactor_ignores_a_short_word(word: str) -> None:
    assert Redactor([word]).redact("none of ollama's sk-tests") == "none of ollama's sk-tests"


@pytest.mark.parametrize("ascii", [True, False])
def test_redacted_payload_stays_json(ascii: bool) -> None:
    payload = json.dumps({"a": f"x{KEY}y", KEY: 1}, ensure_ascii=ascii).encode()
    assert json.loads(Redactor([KEY]).redact_json(payload)) == {"a": f"x{PLACEHOLDER}y", PLACEHOLDER: 1}


@given(st.text(max_size=40), st.text(min_size=8, max_size=20), st.text(max_size=40))
def test_redacted_text_never_holds_the_secret(before: str, secret: str, after: str) -> None:
    assert secret not in Redactor([secret]).redact(before + secret + after).replace(PLACEHOLDER, "")


ODD = ['sk-canary-\\-"-/-é-%-+-end', '\\\\""\'\'\\\\""', "postgresql://weir:p%2Fw@host/weir?a=b c", KEY]


@pytest.mark.parametrize("secret", ODD)
@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("depth", range(4))
def test_redactor_finds_a_secret_in_json_within_json(secret: str, ascii: bool, depth: int) -> None:
    text = f"x{secret}y"
    for _ in range(depth):
        text = json.dumps({"arguments": text}, ensure_ascii=ascii)
    read = json.loads(Redactor([secret]).redact_json(json.dumps([text], ensure_ascii=ascii).encode()))[0]
    for _ in range(depth):
        read = json.loads(read)["arguments"]
    assert read == f"x{PLACEHOLDER}y"


@pytest.mark.parametrize("secret", ODD)
@pytest.mark.parametrize("escape", [quote, quote_plus, lambda secret: quote(secret, safe=""), json.dumps, repr])
def test_redactor_finds_a_secret_in_every_escaping(secret: str, escape: Callable[[str], str]) -> None:
    redacted = Redactor([secret]).redact(f"a {escape(secret)} b {json.dumps(escape(secret))}")
    assert PLACEHOLDER in redacted
    assert escape(secret) not in redacted
    assert secret[1:-1] not in redacted


QUOTED = st.text(alphabet='ab"\\\\/é\n', min_size=8, max_size=16)


@given(QUOTED, QUOTED, st.integers(0, 3))
def test_redacted_payload_stays_json_wherever_a_secret_is_cut(secret: str, other: str, depth: int) -> None:
    for cut in range(len(secret)):
        text = secret[:cut] + other + secret
        for _ in range(depth):
            text = json.dumps([text])
        hidden = Redactor([secret]).redact_json(json.dumps({"a": text}).encode())
        assert secret not in json.loads(hidden)["a"]


HARD = ['""""""""', "\\\\\\\\\\\\\\\\", '\\"\\"\\"\\"', "é\n é\n é\n", *ODD]


@pytest.mark.parametrize("secret", HARD)
@pytest.mark.parametrize("piece", ["\\", "\\\\u00e9", '"', "%", "%22", "\\n", " ", "+"])
def test_redaction_takes_linear_time(secret: str, piece: str) -> None:
    secrets = Redactor([secret])

    def search(text: str) -> None:
        secrets.redact(text)
        secrets.redact(secrets.redact_json(json.dumps(text).encode()).decode())

    assert nonlinear_time(search, Pump("", piece)) is None


class SecretRepr:
    """A value whose `repr` holds the key."""

    def __repr__(self) -> str:
        return f"{'x' * 470}{KEY}"


def leak(value: str) -> SecretRepr:
    if value == "raise":
        raise RuntimeError(f"{'x' * 260}{KEY}") from ValueError(repr(SecretRepr()))
    return SecretRepr()


@pytest.mark.parametrize("value", ["raise", "return"])
def test_recording_holds_no_secret_that_a_chain_raises_or_returns(loop: BackgroundLoop, value: str) -> None:
    run = Recorder(MemoryStore(10**7), loop, secrets=(KEY,)).start(RunnableLambda(leak), value)
    run.wait(30)
    written = b"".join(recording_file.to_jsonl(run)).decode() + str(run.failure)
    assert PLACEHOLDER in written
    assert "sk-canary" not in written


@pytest.fixture
def log_redaction() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    filters = [(handler, list(handler.filters)) for handler in logging.getLogger().handlers]
    install_log_redaction(Redactor([KEY]))
    yield
    logging.setLogRecordFactory(before)
    for handler, own in filters:
        handler.filters = own


def test_log_holds_no_secret(log_redaction: None, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("anybody")
    log.warning("with %s and %d", KEY, 1)
    try:
        leak("raise")
    except RuntimeError:
        log.exception("it failed")
    log.warning("plain %s", "words")
    assert "sk-canary" not in caplog.text
    assert "with ••• and 1" in caplog.text
    assert "it failed" in caplog.text
    assert "RuntimeError: xxx" in caplog.text
    assert caplog.records[-1].args == ("words",)


def test_log_extras_hold_no_secret(log_redaction: None, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("anybody").warning("asked", extra={"path": f"/runs/{KEY}", "status": 404})
    assert (vars(caplog.records[-1])["path"], vars(caplog.records[-1])["status"]) == (f"/runs/{PLACEHOLDER}", 404)


@pytest.mark.parametrize(("words", "value"), [("%s and %s", KEY), ("%d", KEY), ("%(name)s", {"other": KEY})])
def test_log_line_that_does_not_fit_its_values_holds_no_secret(
    log_redaction: None, caplog: pytest.LogCaptureFixture, words: str, value: object
) -> None:
    logging.getLogger("anybody").warning(words, value)
    assert f"{words} (" in caplog.text
    assert "sk-canary" not in caplog.text
