//! Faces: YuNet-s of libfacedetection (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023), computed in a fixed
//! order, so that every processor finds the same.

mod detector;
mod network;

pub(crate) use detector::{FaceDetector, FoundFace};
