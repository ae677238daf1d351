//! Frames from a real device, from files or from the virtual booth, all behind one frame type.
