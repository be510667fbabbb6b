"""Numbers of the small encoder of motion, which runs in torch (it is trained so) and in NumPy (``models.light``)."""

MOTION_LAGS = (1, 2, 4)  # frames between the two pictures of each difference
MOTION_THRESHOLD = 2 / 255  # grey change that counts as noise
MOTION_UNIT = 4 / 255  # grey change at which the logarithm leaves its linear part
# of the three channels, typical of fixed cameras with one or two moving people
MOTION_MEAN = (0.10, 0.16, 0.25)
MOTION_STD = (0.35, 0.45, 0.55)
STRIDES = (2, 2, 2, 1, 1)  # of the convolutions of SmallConvNet
SMALLEST_SPREAD = 1e-3  # of a feature over a clip; features that hardly change stay small
STILL = 1e-3  # features that change less than this in a clip show rounding
