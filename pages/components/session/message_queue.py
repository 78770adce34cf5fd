"""Override of Streamlit's queue of messages for the browser: it keeps finished drawings, and answers to the browser.

Where a part of a page (`st.fragment`) is drawn again before the messages of the page are sent, Streamlit (1.67,
`ForwardMsgQueue.clear`) drops what that part had drawn with the page, and still reports the page as complete. The
browser then removes the elements that it did not get, with what was chosen in them: on a busy machine no tab of the
Inspector was marked after *Stop*.

Where the whole page begins to be drawn, Streamlit drops what the browser has just asked for, too. An upload asks for an
address first: without an answer it waits for ever, and the page shows no sign of it.
"""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear

ANSWERS = ("file_urls_response", "backend_operation_response", "heartbeat_ack")
"""Types of messages that the browser waits for, whatever is drawn."""


def keep_needed_messages() -> None:
    """Override the method, unless this Streamlit has another queue."""
    if hasattr(ForwardMsgQueue(), "_queue"):
        ForwardMsgQueue.clear = clear_unfinished  # type: ignore[method-assign, assignment]


def clear_unfinished(
    queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
) -> None:
    """Clear a queue as Streamlit does, but keep answers, and before a part is drawn what ends with a whole run."""
    rest = queue._queue
    kept: list[ForwardMsg] = []
    if fragment_ids_this_run is not None:
        end = max((number for number, message in enumerate(rest, 1) if _ends_whole_run(message)), default=0)
        kept, rest = rest[:end], rest[end:]
    elif retain_lifecycle_msgs:
        kept = [message for message in rest if message.WhichOneof("type") in ANSWERS]
    queue._queue = rest
    _clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
    queue._queue[:0] = kept


def _ends_whole_run(message: ForwardMsg) -> bool:
    is_end = message.WhichOneof("type") == "script_finished"
    return is_end and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
