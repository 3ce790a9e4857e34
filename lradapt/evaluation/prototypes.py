"""Prototypes of the training images: a few directions of features for each class.

The distance of an image to the training images is 1 minus the cosine of the angle to the nearest
prototype. Prototypes are the means of clusters of directions (spherical k-means: Dhillon and Modha
2001). Letters: N images, D features, P prototypes, C prototypes of a class.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

NUM_PROTOTYPES = 200
"""Of all classes together, unless there are more classes."""
_NUM_ROUNDS = 15


def find_prototypes(features_ND: Floats, labels_N: Labels) -> npt.NDArray[np.float16]:
    """Return the prototypes `[P, D]`, as many of each class, of length 1; the same at each call.

    A class with fewer images has a prototype for each of them. They are rounded to half precision,
    as the exported model keeps them.

    Args:
        features_ND: what the last layer reads of the training images, one or more.
        labels_N: their classes.
    """
    classes = np.unique(labels_N)
    each = max(1, NUM_PROTOTYPES // len(classes))
    directions_ND = _directions(features_ND)
    found = [_cluster_means(directions_ND[labels_N == k], each) for k in classes]
    return np.concatenate(found).astype(np.float16)


def distances(features_ND: Floats, prototypes_PD: npt.NDArray[np.float16]) -> Floats:
    """Return the distance of each image to the nearest prototype, in [0, 2], `[N]`."""
    cosines_NP = _directions(features_ND) @ prototypes_PD.astype(np.float64).T
    # Prototypes in half precision are not quite of length 1.
    nearest_N: Floats = np.clip(1 - cosines_NP.max(axis=1), 0, 2).astype(np.float32)
    return nearest_N


def _cluster_means(directions_ND: Floats, count: int) -> Floats:
    if len(directions_ND) <= count:
        return directions_ND
    chosen = np.random.default_rng(0).choice(len(directions_ND), count, replace=False)
    means_CD = directions_ND[np.sort(chosen)]
    for _ in range(_NUM_ROUNDS):
        nearest_N = (directions_ND @ means_CD.T).argmax(axis=1)
        for cluster in np.unique(nearest_N):  # an empty one stays as it is
            means_CD[cluster] = directions_ND[nearest_N == cluster].mean(axis=0)
        means_CD = _directions(means_CD)
    return means_CD


def _directions(features_ND: Floats) -> Floats:
    """Return the features at length 1, in double precision; zeros stay zeros."""
    exact_ND = np.asarray(features_ND, np.float64)
    lengths_N1 = np.linalg.norm(exact_ND, axis=1, keepdims=True)
    scaled_ND: Floats = exact_ND / np.maximum(lengths_N1, 1e-12)
    return scaled_ND
