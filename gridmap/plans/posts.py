"""Posts of under three years in a comparison: who would lose a community too early."""

from __future__ import annotations

from gridmap.errors import MissingError
from gridmap.i18n import tr
from gridmap.measure.steadiness import Steadiness, steady_posts
from gridmap.model import City
from gridmap.plans.comparison import Comparison

__all__ = ["broken_posts", "posts_of", "tell_posts"]

_MOST = 5  # names in a sentence


def posts_of(city: City) -> Steadiness | None:
    """Return when each beat's post may change hands; None where no beat has ``post_since``."""
    try:
        return steady_posts(city)
    except MissingError:
        return None


def broken_posts(comparison: Comparison, posts: Steadiness | None) -> tuple[str, ...]:
    """Return the old beats whose officer loses the community before the post is free.

    Parameters
    ----------
    comparison
        Today's beats beside a plan; a beat loses its officer where less than half of its
        residents stay (`gridmap.plans.BeatChange.keeps_officers`).
    posts
        When each post is free; None for none that is known.
    """
    if posts is None:
        return ()
    changed = (beat.before for beat in comparison.beats if beat.before and not beat.keeps_officers)
    return posts.broken(changed)


def tell_posts(comparison: Comparison, posts: Steadiness | None) -> list[str]:
    """Return that in words; nothing where no day is known."""
    if posts is None:
        return []
    broken = broken_posts(comparison, posts)
    labels = {beat.before: beat.label for beat in comparison.beats}
    names = tr("api.join").join(labels[beat] for beat in broken[:_MOST])
    key = "plans.posts.broken" if broken else "plans.posts.kept"
    bound, years = len(posts.bound), posts.years
    return [tr(key, count=len(broken), names=names, bound=bound, years=years)]
