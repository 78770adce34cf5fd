"""What a person can do on the story page."""

from dataclasses import dataclass, replace

from pages.components.answer.answer_view import FinishedAnswer
from pages.components.session.current_user import current_caller
from pages.components.story import controls
from pages.components.story.request import StoryRequest
from pages.components.story.story_state import StoryState, StoryVersion


@dataclass(frozen=True, slots=True)
class StoryActions:
    """Widget callbacks of the story page. What they change is the page's state."""

    state: StoryState

    def start_story(self, topic: str) -> None:
        """Begin a new story, and stop the live one, unless that is another user's."""
        for version in self.state.versions:
            if (run := version.answer.run()) and run.can_stop(current_caller().visitor):
                run.stop()
        self.state.versions = [StoryVersion(controls.story_request(topic), controls.chosen_display())]
        self.state.index = 0

    def regenerate(self, version: StoryVersion) -> None:
        """Ask for another version with the same choices."""
        self._add_version(version.request)

    def regenerate_with(self, version: StoryVersion, model: str) -> None:
        """Ask another model for another version, with the same choices."""
        self._add_version(replace(version.request, model=model, options=replace(version.request.options, model=None)))

    def continue_story(self, version: StoryVersion, ended: FinishedAnswer) -> None:
        """Ask for the rest of a story that was stopped or cut off."""
        self._add_version(replace(version.request, so_far=ended.text))

    def _add_version(self, request: StoryRequest) -> None:
        self.state.versions.append(StoryVersion(request, controls.chosen_display()))
        self.state.index = len(self.state.versions) - 1

    def show_neighbour(self, step: int) -> None:
        """Show the version before (-1) or after (1)."""
        self.state.index += step
