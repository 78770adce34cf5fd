"""The child process: llama.cpp's HTTP server for one model, for as long as the parent lives.

It reads its configuration as one JSON line from standard input, so that the key is in no argument list, answers with
one JSON line, `{"url": …}` or `{"error": …}`, and ends when standard input does: a parent that dies closes it. While
the model loads the interpreter stands still, so a parent that dies then is noticed when it has loaded.
"""

import json
import os
import signal
import sys
from typing import Any, TextIO

CACHE_MIB = 256
"""Memory for the prompts of earlier answers, in MiB, beside the slots' own context."""


def main() -> int:
    """Serve until the parent is gone; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _keep_output_for_answers()
    wish = json.loads(sys.stdin.readline())
    try:
        server = _serve(wish)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
        return 1
    print(json.dumps({"url": server.listening_address}), file=answers, flush=True)
    sys.stdin.read()
    # The server's own threads would hold up an orderly exit; there is nothing here to tidy.
    os._exit(0)


def _keep_output_for_answers() -> TextIO:
    """Return the real standard output, and send what the engine prints there to standard error."""
    real = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(real, "w", encoding="utf-8")


def _serve(wish: dict[str, Any]) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = wish["model"]
    parameters.model_alias = {wish["name"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [wish["api_key"]]
    # No page of any origin: "null" would be that of a sandboxed frame.
    parameters.cors_origins = ""
    parameters.cors_credentials = False
    parameters.ui = False
    parameters.endpoint_slots = False
    # Left to itself the cache of past prompts grows to 8 GiB.
    parameters.cache_ram_mib = CACHE_MIB
    parameters.offline = True
    parameters.verbosity = 1
    parameters.n_parallel = wish["slots"]
    parameters.n_ctx = wish["context"]
    if wish["is_small"]:
        # Left to itself a model of this size repeats itself until it is cut.
        parameters.sampling.temp = 0.6
        parameters.sampling.penalty_repeat = 1.15
        parameters.sampling.penalty_last_n = 128
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    sys.exit(main())
