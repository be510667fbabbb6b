"""Train a frame encoder: see ``python train.py --help``."""

from videosync.cli.train import main

if __name__ == "__main__":
    raise SystemExit(main())
