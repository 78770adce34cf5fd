from weir.text.chunk_buffer import ChunkBuffer


def test_chunk_buffer_releases_after_a_number_of_chunks_or_a_time() -> None:
    buffer = ChunkBuffer(chunks=3, seconds=0.1)
    assert [buffer.add(text, 0.0) for text in "abc"] == ["", "", "abc"]
    assert buffer.add("d", 1.0) == ""
    assert buffer.flush_if_due(1.05) == ""
    assert buffer.flush_if_due(1.11) == "d"
    assert buffer.flush_if_due(9.0) == ""
    buffer.add("e", 2.0)
    assert buffer.flush() == "e"
