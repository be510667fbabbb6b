"""Train offset detectors: see ``python train_sync_offset_detector.py --help``."""

from videosync.cli.train_detector import main

if __name__ == "__main__":
    raise SystemExit(main())
