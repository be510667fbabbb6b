"""The sequence contrastive loss, frame by frame, straight from the formula; float64, loops, no tricks.

With an epsilon: as the reference code has it, whose Gaussian is float32, so that far frames get no target.
"""

import math

import numpy as np


def slow_scl(embeddings, steps, lengths, mask, temperature, variance, negative_type, epsilon):
    batch, views, frames, _ = embeddings.shape
    every_frame = [(b, v, t) for b in range(batch) for v in range(views) for t in range(frames) if mask[b, v, t]]
    total, count = 0.0, 0
    for b, v, i in every_frame:
        other = [(b, 1 - v, j) for j in range(frames) if mask[b, 1 - v, j]]
        moment = steps[b, v, i] / lengths[b, v] * lengths[b, 1 - v]
        weights = [math.exp(-((moment - steps[index]) ** 2) / (2 * variance)) for index in other]
        rounded = [float(np.float32(weight)) for weight in weights]
        has_target = sum(rounded) > 0
        count += 1 if epsilon else has_target  # the reference divides by all real frames
        if not has_target:
            continue
        weights = rounded if epsilon else weights
        candidates = []
        for c, w, j in every_frame:
            if negative_type.startswith("single") and c != b:
                continue
            if negative_type.endswith("noself") and (c, w) == (b, v):
                continue
            candidates.append((c, w, j))

        def similarity(index, anchor=(b, v, i)):
            return float(np.dot(embeddings[anchor], embeddings[index])) / temperature

        partition = sum(math.exp(similarity(index)) for index in candidates)
        for index, weight in zip(other, weights):
            target = weight / sum(weights)
            if target > 0:
                log_prob = math.log(math.exp(similarity(index)) / partition + epsilon)
                total += target * (math.log(target) - log_prob)
    return total / count
