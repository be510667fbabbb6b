"""From the signals of two clips to lag scores."""

# of cues.named.CUES; here, so that a command's help can name it without importing what a cue computes with
DEFAULT_CUE = "motion-learned"
