"""Evaluate offset detectors: see ``python eval_sync_offset_detector.py --help``."""

from videosync.cli.eval_detector import main

if __name__ == "__main__":
    raise SystemExit(main())
