"""Networks: backbones, encoders, and their weights."""

SHIPPED = "crossview"  # the encoder that comes with the package: trained for synchronising unlike cameras
