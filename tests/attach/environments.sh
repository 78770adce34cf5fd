#!/bin/sh
# Environments without Weir, each with another langchain-core, and one of JavaScript, for tests/attach/test_environments.py.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in "langchain-core>=0.3,<0.4" "langchain-core>=1.0,<1.1" "langchain-core>=1.7,<1.8" "langchain-core>=1.8,<1.9"; do
	name=$(echo "$version" | tr -dc '0-9.,' | tr ',' '_')
	"$(dirname "$PYTHON")/uv" venv --quiet --python "$PYTHON" "$folder/$name"
	"$(dirname "$PYTHON")/uv" pip install --quiet --python "$folder/$name/bin/python" "$version"
done
"$(dirname "$PYTHON")/uv" venv --quiet --python "$PYTHON" "$folder/gunicorn"
"$(dirname "$PYTHON")/uv" pip install --quiet --python "$folder/gunicorn/bin/python" langchain-core gunicorn nbclient ipykernel
# LangSmith's client for JavaScript, where there is a Node.
if command -v npm >/dev/null; then
	mkdir "$folder/node"
	(cd "$folder/node" && npm install --silent --no-audit --no-fund --no-save langsmith @langchain/core)
fi
WEIR_TEST_ENVIRONMENTS="$folder" "$PYTHON" -m pytest tests/attach/test_environments.py "$@"
