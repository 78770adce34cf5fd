"""Quota notice: how many runs and tokens a visitor has left, once there are few; and whether others see runs."""

import streamlit as st

from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from weir.access.limits import LimitKind, RemainingQuota


class QuotaNotice:
    """A line beside the model's name; empty until a limit is near, or runs are on this replica only."""

    def __init__(self) -> None:
        self._slot = st.empty()
        self.draw()

    def draw(self) -> None:
        """Draw what is left now."""
        sentences = [sentence(left) for left in service().limits.low_quotas(current_caller().visitor)]
        if (replicas := service().replicas) is not None and replicas.problem:
            sentences.append(f":material/cloud_off: {translated(replicas.problem)}")
        if sentences:
            self._slot.caption(" · ".join(sentences), width="content")
        else:
            self._slot.empty()


def sentence(left: RemainingQuota) -> str:
    """`~1,200 of 20,000 tokens left today`."""
    total = left.limit in (LimitKind.TOTAL_STARTS_PER_MINUTE, LimitKind.TOTAL_TOKENS_PER_DAY)
    if left.limit in (LimitKind.STARTS_PER_MINUTE, LimitKind.TOTAL_STARTS_PER_MINUTE):
        text = _("{left} of {of} runs left this minute")
        estimate = ""
    else:
        text = _("{left} of {of} tokens left today")
        estimate = "~" if left.left else ""
    whole = text.format(left=estimate + digits(left.left), of=digits(left.of))
    return _("{quota} for all visitors together").format(quota=whole) if total else whole
