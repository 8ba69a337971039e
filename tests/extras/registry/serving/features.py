"""A step of the pipeline in train.py, with a module of its own."""

from numbers_of_images import halved


class Halved:
    def fit(self, images, digits=None):
        return self

    def transform(self, images):
        return halved(images)
