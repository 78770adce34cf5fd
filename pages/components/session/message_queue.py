"""Override of Streamlit's queue of messages for the browser: it keeps all that a run of the whole page has drawn.

Where a part of a page (`st.fragment`) is drawn again before the messages of the page are sent, Streamlit (1.67,
`ForwardMsgQueue.clear`) drops what that part had drawn with the page, and still reports the page as complete. The
browser then removes the elements that it did not get, with what was chosen in them: on a busy machine no tab of the
Inspector was marked after *Stop*.
"""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear


def keep_whole_runs() -> None:
    """Override the method, unless this Streamlit has another queue."""
    if hasattr(ForwardMsgQueue(), "_queue"):
        ForwardMsgQueue.clear = clear_unfinished  # type: ignore[method-assign, assignment]


def clear_unfinished(
    queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
) -> None:
    """Clear a queue as Streamlit does; before a part is drawn, keep what comes before the end of a whole run."""
    messages = queue._queue
    is_part = fragment_ids_this_run is not None
    ends = [number for number, message in enumerate(messages, 1) if is_part and _ends_whole_run(message)]
    kept = ends[-1] if ends else 0
    queue._queue = messages[kept:]
    _clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
    queue._queue[:0] = messages[:kept]


def _ends_whole_run(message: ForwardMsg) -> bool:
    is_end = message.WhichOneof("type") == "script_finished"
    return is_end and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
