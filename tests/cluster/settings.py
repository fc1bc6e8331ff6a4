"""What the test is told by its environment."""

import os
import pathlib


class Settings:
    def __init__(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        self.chart = root / "charts/tributary"
        self.eval = root / "deploy/k8s/eval"
        self.binary = os.environ.get("BINARY", str(root / "target/release/tributary"))
        self.image = os.environ["IMAGE"]
        # What is upgraded to; the same image when none is named, and then only the pods are new.
        self.next_image = os.environ.get("NEXT_IMAGE") or self.image
        self.postgres_image = os.environ["POSTGRES_IMAGE"]

    def image_values(self, image=None):
        """The image as the chart's values want it."""
        repository, tag = split(image or self.image)
        return {"repository": repository, "tag": tag}


def split(image):
    """Name and tag."""
    name, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        raise SystemExit(f"IMAGE={image} has no tag, which is how the test tells one image from the next")
    return name, tag
