"""`weir serve-replay`: an OpenAI-compatible server on loopback that answers with recordings."""

import contextlib
import os
import socket

import click

from weir.cli.options import speed_option


@click.command("serve-replay", epilog="Exit codes: 0 stopped by Ctrl-C, 2 it cannot start.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--port", metavar="PORT", type=click.IntRange(0, 65_535), default=8502, show_default=True, help="0: any free one."
)
@speed_option
@click.option("--instant", is_flag=True, help="Send all chunks at once.")
@click.option("--cut-at", type=click.IntRange(min=0), metavar="N", help="Close the connection after N chunks.")
@click.option("--stall-at", type=click.IntRange(min=0), metavar="N", help="Send nothing more after N chunks.")
def command(
    files: tuple[str, ...], port: int, speed: float, instant: bool, cut_at: int | None, stall_at: int | None
) -> int:
    """Serve recordings to any OpenAI client, chunk for chunk, with their timing.

    Each request is answered with the next recorded call of a chat model, whatever it asks; after the last the first
    comes again. A recorded call that failed ends with a closed connection.

    \b
    weir serve-replay run.jsonl
    OPENAI_BASE_URL=http://127.0.0.1:8502/v1 OPENAI_API_KEY=none python my_program.py
    weir serve-replay run.jsonl --instant --cut-at 20
    """
    import uvicorn

    from weir.api.replay_server import ReplayOptions, create_replay_app
    from weir.cli.recording_argument import open_recording
    from weir.llm.replay_model import recorded_calls

    calls = [call for name in files for call in recorded_calls(open_recording(name).events)]
    if not calls:
        raise click.ClickException("These recordings have no call of a chat model.")
    app = create_replay_app(calls, ReplayOptions(None if instant else speed, cut_at, stall_at))
    listener = _listen(port)
    with listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        count = "1 recorded call" if len(calls) == 1 else f"{len(calls)} recorded calls"
        click.echo(f"{count} at {address} (OPENAI_BASE_URL={address}). Ctrl-C ends it.", err=True)
        # A cut connection is an exception of the app, which uvicorn would log with its traceback.
        config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        # uvicorn ends at the signal, and raises it again once the connections are closed.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listen(port: int) -> socket.socket:
    """Return a listening socket on loopback. Raises ClickException if the port is taken."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(f"Port {port} cannot be used: {reason}. Try --port 0.") from error
