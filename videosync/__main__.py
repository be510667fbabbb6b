"""``python -m videosync``: the same as the console script ``videosync``."""

from videosync.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
