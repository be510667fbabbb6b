"""``videosync export``: a trained encoder or detector as ONNX, torch.export or safetensors, with a model card."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from videosync.cli.common import CommandParser, check_writable, command, expanded_path, log_to_stdout

FORMATS = ("safetensors", "onnx", "torch")
DESCRIPTION = """Write a trained encoder, both backbones of a CrissCross run, or the detector cnn as files for others to
use, with a model card (README.md, model_card.json) made from the run: data, command, seed, versions, metrics, licence.

safetensors: the weights and config.yaml; an encoder's folder can be loaded again, and is a --logdir for evaluate.py.
onnx, torch: the whole network in one file, normalisation inside, any number of clips and frames; each is read back
and compared with PyTorch before the folder is put in place. onnx needs: pip install 'videosync[onnx]'."""


def build_parser() -> CommandParser:
    parser = CommandParser(
        description=DESCRIPTION,
        epilog="videosync export runs/demo/encoder --output exported/encoder --licence 'CC BY 4.0'\n"
        "videosync export runs/demo/detectors/demo/cnn --output exported/demo/cnn --metrics "
        "runs/demo/detectors_demo/metrics.json",
    )
    add = parser.add_argument
    add(
        "source",
        type=expanded_path,
        metavar="SOURCE",
        help="the --logdir of a training run, or the folder of a trained detector (detectors/PREFIX/cnn)",
    )
    add("--output", type=expanded_path, required=True, metavar="FOLDER", help="new folder for everything")
    add("--format", nargs="+", choices=FORMATS, default=list(FORMATS), help="one or more of %(choices)s (default: all)")
    add("--checkpoint", default="best", help="which one of a run: best (default), last, epoch_0010")
    add(
        "--frames",
        nargs="+",
        choices=("uint8", "float"),
        default=["uint8"],
        help="frames that an encoder's programs take: uint8, 0 … 255 (default), float, 0 … 1, or both, a file each",
    )
    add(
        "--licence",
        "--license",
        default="",
        help="licence of the weights, for the card; if you give none, the card says so",
    )
    add("--name", default="", help="title of the card (default: the name of --output)")
    add(
        "--metrics",
        nargs="+",
        type=expanded_path,
        default=[],
        metavar="JSON",
        help="further metrics.json files for the card; those in SOURCE/evaluation are found without it",
    )
    add(
        "--workdir",
        type=expanded_path,
        default=Path(),
        metavar="FOLDER",
        help="where the dataset is, to count its events if the run did not record them (default: here)",
    )
    return parser


def write(args: Namespace) -> None:
    check_writable("--output", args.output.parent)
    from videosync.export.export import ExportRequest, export  # torch slows --help

    log_to_stdout()
    remarks = export(
        args.source,
        args.output,
        list(dict.fromkeys(args.format)),
        ExportRequest(
            checkpoint=args.checkpoint,
            frames=list(dict.fromkeys(args.frames)),
            workdir=args.workdir,
            reports=args.metrics,
            licence=args.licence,
            name=args.name,
            command=args.command,
        ),
    )
    for remark in remarks:
        print(f"Note: {remark}.")
    if not args.licence:
        print("Note: no --licence was given; the card says so.")
    print(f"Wrote {args.output}; its card is {args.output / 'README.md'}.", flush=True)


main = command(build_parser, write)
