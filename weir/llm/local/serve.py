"""The child process: llama.cpp's HTTP server for one model. It ends when its parent does.

It reads its configuration as one JSON line from standard input, so that the key is in no argument list, answers with
one JSON line, `{"url": …}` or `{"error": …}`, and ends when standard input does: a parent that dies closes it. While
the model loads the interpreter is blocked, so the death of the parent is noticed only after that.
"""

import json
import os
import signal
import sys
from typing import Any, TextIO

CACHE_MIB = 256
"""Memory for the prompts of earlier answers, in MiB, beside the slots' own context."""


def main() -> int:
    """Serve until the parent has ended; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _keep_output_for_answers()
    config = json.loads(sys.stdin.readline())
    try:
        server = _serve(config)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
        return 1
    print(json.dumps({"url": server.listening_address}), file=answers, flush=True)
    sys.stdin.read()
    # An orderly exit would wait for the server's threads, and there is nothing to clean up.
    os._exit(0)


def _keep_output_for_answers() -> TextIO:
    """Return the real standard output, and send what the engine prints there to standard error."""
    real = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(real, "w", encoding="utf-8")


def _serve(config: dict[str, Any]) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = config["model"]
    parameters.model_alias = {config["name"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [config["api_key"]]
    # No origin may read answers: "null" would be the origin of a sandboxed frame.
    parameters.cors_origins = ""
    parameters.cors_credentials = False
    parameters.ui = False
    parameters.endpoint_slots = False
    # By default the cache of past prompts grows to 8 GiB.
    parameters.cache_ram_mib = CACHE_MIB
    parameters.offline = True
    parameters.verbosity = 1
    parameters.n_parallel = config["slots"]
    parameters.n_ctx = config["context"]
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    sys.exit(main())
