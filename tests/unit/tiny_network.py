"""A network of two layers and a head, in place of an architecture: for images of 8 pixels."""

from collections import OrderedDict

from torch import nn


def tiny(architecture, num_classes):
    """A stand-in for `lradapt.networks.classifier.build`."""
    layers = {
        "conv1": nn.Conv2d(3, 8, 3, padding=1),
        "relu": nn.ReLU(),
        "conv2": nn.Conv2d(8, 16, 3, stride=2),
        "flatten": nn.Flatten(),
        "dropout": nn.Dropout(0.3),
        "fc": nn.Linear(16 * 3 * 3, num_classes),
    }
    return nn.Sequential(OrderedDict(layers))
