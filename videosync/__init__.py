"""VideoSync: put videos of one event on one timeline, from the pixels alone."""

from videosync.version import __version__

__all__ = ["__version__"]
