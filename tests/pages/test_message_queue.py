from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from pages.components.session import message_queue
from pages.components.session.message_queue import ANSWERS, clear_unfinished

PART = "a part"


def drawn(text: str, fragment_id: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = text
    message.delta.fragment_id = fragment_id
    message.metadata.delta_path[:] = [0, int(text[-1])]
    return message


def queue_of(*messages: ForwardMsg) -> ForwardMsgQueue:
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    return queue


def texts(queue: ForwardMsgQueue) -> list[str | int]:
    """Return what is left in a queue: texts, and how runs ended."""
    return [
        message.delta.new_element.markdown.body if message.WhichOneof("type") == "delta" else message.script_finished
        for message in queue.flush()
    ]


def page(status: "ForwardMsg.ScriptFinishedStatus.ValueType" = ForwardMsg.FINISHED_SUCCESSFULLY) -> list[ForwardMsg]:
    """Return the messages of a run of the whole page."""
    return [drawn("page 0"), drawn("part 1", PART), ForwardMsg(script_finished=status)]


def test_a_whole_run_is_kept_before_its_part_is_drawn_again_and_an_unfinished_part_is_not() -> None:
    queue = queue_of(*page(), drawn("part 1", PART), drawn("page 2"))
    clear_unfinished(queue, retain_lifecycle_msgs=True, fragment_ids_this_run=[PART])
    queue.enqueue(drawn("part 1", PART))
    assert texts(queue) == ["page 0", "part 1", ForwardMsg.FINISHED_SUCCESSFULLY, "page 2", "part 1"]


def test_an_answer_to_the_browser_is_kept_before_the_whole_page_is_drawn_anew() -> None:
    """The second half fails once the override is of no use any more."""
    answer = ForwardMsg()
    answer.file_urls_response.response_id = "upload"
    for clear, left in ((clear_unfinished, [answer]), (message_queue._clear, [])):
        queue = queue_of(drawn("page 0"), answer)
        clear(queue, retain_lifecycle_msgs=True)
        assert queue.flush() == left
    assert {field.name for field in ForwardMsg.DESCRIPTOR.oneofs_by_name["type"].fields} >= set(ANSWERS)
    queue = queue_of(answer)
    clear_unfinished(queue)
    assert queue.is_empty()


def test_before_the_whole_page_or_after_an_interrupted_run_a_queue_is_cleared_as_ever() -> None:
    for status, parts in ((ForwardMsg.FINISHED_SUCCESSFULLY, None), (ForwardMsg.FINISHED_EARLY_FOR_RERUN, [PART])):
        ours, streamlits = queue_of(*page(status)), queue_of(*page(status))
        clear_unfinished(ours, retain_lifecycle_msgs=True, fragment_ids_this_run=parts)
        message_queue._clear(streamlits, retain_lifecycle_msgs=True, fragment_ids_this_run=parts)
        left = texts(ours)
        assert left == texts(streamlits)
        assert "part 1" not in left


def test_streamlit_still_drops_a_part_of_a_page_that_it_calls_complete() -> None:
    """Without this the override is of no use any more."""
    queue = queue_of(*page())
    message_queue._clear(queue, retain_lifecycle_msgs=True, fragment_ids_this_run=[PART])
    assert texts(queue) == ["page 0", ForwardMsg.FINISHED_SUCCESSFULLY]
