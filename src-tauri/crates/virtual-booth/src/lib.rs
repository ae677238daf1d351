//! A rendered student in front of a rendered wall, with ground truth: the stand-in for a camera.
