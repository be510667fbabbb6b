"""From files to one timeline."""

DEFAULT_CUE = "motion-learned"  # of cues.named.CUES
SHIPPED = "crossview"  # the encoder that comes with the package, of models.clip_encoder
DEFAULT_NETWORK = "efficientnet-lite0"  # of models.deep.DEEP_NETWORKS
