"""Errors for answers of a model's server that are no answers although HTTP reports success.

All are subclasses of OpenAIError, which the openai client passes on as they are and without a further attempt. The
sentences that people read are in `weir/runs/failure_sentences.py`.
"""

import openai


class AnswerError(openai.OpenAIError):
    """The model's server has sent something that is no answer."""


class WrongServerError(AnswerError):
    """The address is wrong: every request to it would be answered like this one."""


class EncodedAnswerError(WrongServerError):
    """The body is compressed although the request did not allow it."""


class RedirectError(WrongServerError):
    """The server redirects to another address, which would receive the prompt."""


class WebPageError(WrongServerError):
    """The body is a web page."""


class OtherFormatError(WrongServerError):
    """The body is text, but no stream of events."""


class OversizedAnswerError(AnswerError):
    """One event, or a body that must be read whole, is larger than may be held in memory."""


class NoAnswerError(AnswerError):
    """The body is empty, or ends without any part of an answer."""


class MalformedAnswerError(AnswerError):
    """The body has JSON objects, but they are no chat completion."""


class ReportedError(AnswerError):
    """The model's server sent an error where an answer should be, with a status of success."""


class EndedInErrorError(AnswerError):
    """The answer's finish reason is an error."""


class ToolCallsOnlyError(AnswerError):
    """The model called tools, although it was given none, and wrote no text."""
