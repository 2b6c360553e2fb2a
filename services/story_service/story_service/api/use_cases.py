"""What the routes can do."""

from dataclasses import dataclass

from story_service.application.analysing.analyse_story import AnalyseStory
from story_service.application.cancel_generation import CancelGeneration
from story_service.application.catalog.read_catalog import ReadCatalog
from story_service.application.chat.converse import Converse
from story_service.application.continuing.continue_story import ContinueStory
from story_service.application.delete_story import DeleteStory
from story_service.application.follow_generation import FollowGeneration
from story_service.application.generate_story import GenerateStory
from story_service.application.own_characters import OwnCharacters
from story_service.application.publishing.clone_story import CloneStory
from story_service.application.publishing.publish_story import PublishStory
from story_service.application.quote_call import QuoteCall
from story_service.application.read_characters import ReadCharacters
from story_service.application.read_ledger import ReadLedger
from story_service.application.read_library import ReadLibrary
from story_service.application.read_stories import ReadStories
from story_service.application.read_usage import ReadUsage
from story_service.application.revisions.revise_story import ReviseStory


@dataclass(frozen=True, slots=True)
class UseCases:
    """The service's use cases, wired."""

    generate: GenerateStory
    follow: FollowGeneration
    cancel: CancelGeneration
    stories: ReadStories
    delete: DeleteStory
    revise: ReviseStory
    go_on: ContinueStory
    analyse: AnalyseStory
    converse: Converse
    publish: PublishStory
    clone: CloneStory
    library: ReadLibrary
    catalog: ReadCatalog
    characters: ReadCharacters
    own_characters: OwnCharacters
    usage: ReadUsage
    ledger: ReadLedger
    quote: QuoteCall
