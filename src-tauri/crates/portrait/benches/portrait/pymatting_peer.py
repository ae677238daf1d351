"""The peer of the matte bench: pymatting's closed form on the bench's own trimaps.

Reads, in every folder below the one given, `photo.png` and `trimap-*.png` (0 wall, 128 open, 255 person) and writes
`peer-*.png`: red, green, blue of the estimated foreground and the coverage as alpha. Pictures are solved in linear
light, the space in which the renderer mixes person and wall. Folders that are done already are left alone.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pymatting import estimate_alpha_cf, estimate_foreground_ml


def linear(coded):
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def coded(light):
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def main(folder, space):
    for photo in sorted(Path(folder).glob("*/photo.png")):
        for trimap in sorted(photo.parent.glob("trimap-*.png")):
            out = photo.parent / trimap.name.replace("trimap", "peer")
            if out.exists():
                continue
            picture = np.asarray(Image.open(photo).convert("RGB"), dtype=np.float64) / 255.0
            if space == "linear":
                picture = linear(picture)
            known = np.asarray(Image.open(trimap).convert("L"), dtype=np.float64) / 255.0
            known = np.where(known < 0.1, 0.0, np.where(known > 0.9, 1.0, 0.5))
            alpha = estimate_alpha_cf(picture, known)
            own = estimate_foreground_ml(picture, alpha)
            if space == "linear":
                own = coded(own)
            layers = np.dstack([np.clip(own, 0, 1), np.clip(alpha, 0, 1)])
            Image.fromarray(np.round(layers * 255).astype(np.uint8), "RGBA").save(out)
            print(out.parent.name, trimap.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "linear")
