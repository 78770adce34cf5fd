"""What is wrong with an answer of a model's server that is no error of HTTP. `weir/runs/failure.py` has the sentences.

All are errors of the openai client's own, which it passes on as they are and without another try.
"""

import openai


class AnswerError(openai.OpenAIError):
    """The model's server has sent something that cannot be taken as an answer."""


class WrongServerError(AnswerError):
    """Every request to this address would be answered so."""


class EncodedAnswerError(WrongServerError):
    """The body is compressed, which was not asked for."""


class RedirectError(WrongServerError):
    """The server names another address, to which the prompt would have to be sent."""


class WebPageError(WrongServerError):
    """The body is a web page."""


class OtherFormatError(WrongServerError):
    """The body is text, but no stream of events."""


class OversizedAnswerError(AnswerError):
    """One event, or a body that must be read whole, is larger than may be kept in memory."""


class NoAnswerError(AnswerError):
    """The body is empty, or ended without any part of an answer."""


class MalformedAnswerError(AnswerError):
    """The body has JSON objects, but none of a chat completion."""


class ReportedError(AnswerError):
    """The model's server sent an error where an answer should be, with a status of success."""


class EndedInErrorError(AnswerError):
    """The answer's finish reason is an error."""


class ToolCallsOnlyError(AnswerError):
    """The model called tools, though it was given none, and wrote no text."""
