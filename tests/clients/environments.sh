#!/bin/sh
# Environments with OpenAI clients that are not Weir's, for tests/clients/test_clients.py: LiteLLM's SDK and `llm` in one,
# the openai and Vercel AI SDKs for JavaScript in another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$(dirname "$PYTHON")/uv" venv --quiet --python "$PYTHON" "$folder/python"
"$(dirname "$PYTHON")/uv" pip install --quiet --python "$folder/python/bin/python" litellm llm
mkdir "$folder/node"
npm install --silent --no-audit --no-fund --prefix "$folder/node" openai@6 ai@6 @ai-sdk/openai-compatible@2 zod
cp tests/clients/*.mjs "$folder/node"
WEIR_TEST_CLIENTS="$folder" "$PYTHON" -m pytest tests/clients/test_clients.py "$@"
