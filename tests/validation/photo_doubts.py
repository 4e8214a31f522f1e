"""How often the doubts about photos are right on pictures made in code: python -m tests.validation.photo_doubts.

No picture here was taken by a camera; the shares say what the limits of the configuration do to known pictures.
"""

import io

import numpy as np
from PIL import Image

from changedetect.config.returns import ReturnsSection
from changedetect.kernels.pictures import difference_hash, spectral_peak
from tests.photos_in_code import ground, jpeg, reshot, rows_of_crops

SIDE = 512


def grey(picture, quality=88):
    return Image.open(io.BytesIO(jpeg(picture, quality=quality))).convert("L")


def peak(picture):
    return spectral_peak(np.asarray(grey(picture), float)[:SIDE, :SIDE])


def bits(image):
    return difference_hash(np.asarray(image.resize((9, 8), Image.Resampling.BOX), float))


def moire(limit):
    """Share of pictures over the limit, by kind."""
    pitches, turns = (2.31, 2.8, 3.7, 5.2), (3, 7, 20)
    kinds = {
        "ground": [peak(ground(seed)) for seed in range(40)],
        "rows of crops": [
            peak(rows_of_crops(ground(seed), period, turn))
            for seed in range(4) for period in (6, 9, 12, 17, 30) for turn in (12, 31, 60)
        ],
    }  # fmt: skip
    for depth in (0.02, 0.05, 0.1, 0.25):
        kinds[f"screen, contrast {depth:.0%}"] = [
            peak(reshot(ground(seed), pitch, turn, depth)) for seed in range(3) for pitch in pitches for turn in turns
        ]  # fmt: skip
    for kind, values in kinds.items():
        over = sum(value > limit for value in values)
        print(
            f"{kind}: {over} of {len(values)} over {limit}; {min(values):.2f} to {max(values):.2f}"
        )


def same(limit, count=200):
    """Share of copies that are found, and of other pictures that are taken for copies."""
    pictures = [grey(ground(seed, 360)) for seed in range(count)]
    hashes = [bits(picture) for picture in pictures]
    copies = {
        "saved again (quality 40)": lambda image: grey(np.asarray(image, float), 40),
        "half the size": lambda image: image.resize((180, 180)),
        "20% brighter": lambda image: image.point(lambda value: min(255, int(value * 1.2))),
        "2% cut off at each side": lambda image: image.crop((7, 7, 353, 353)),
        "5% cut off at each side": lambda image: image.crop((18, 18, 342, 342)),
    }
    for name, make in copies.items():
        found = sum(
            (bits(make(image)) ^ own).bit_count() <= limit
            for image, own in zip(pictures, hashes, strict=True)
        )
        print(f"{name}: {found} of {count} found")
    pairs = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    print(
        f"other pictures: {sum(gap <= limit for gap in pairs)} of {len(pairs)} pairs taken for copies; nearest {min(pairs)} bits"
    )


if __name__ == "__main__":
    section = ReturnsSection()
    moire(section.photo_moire_log10)
    same(section.photo_same_bits)
