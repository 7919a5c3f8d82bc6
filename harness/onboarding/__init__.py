"""Onboarding: survey a repository, and draft the files that configure a factory there.

Two steps: `survey_of` reads a folder without running anything in it; `drafts_of` turns the survey
into texts. Strangers wrote what is read: it is parsed, never executed, and reaches a draft only as
plain words on one line.
"""

from harness.onboarding.contradictions import Contradiction
from harness.onboarding.drafts import DraftFile, drafts_of
from harness.onboarding.gaps import gaps_of
from harness.onboarding.look import contradictions_of, survey_of
from harness.onboarding.survey import Survey

__all__ = [
    "Contradiction",
    "DraftFile",
    "Survey",
    "contradictions_of",
    "drafts_of",
    "gaps_of",
    "survey_of",
]
