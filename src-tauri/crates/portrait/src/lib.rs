//! A photo in; a standard photo with its report and proof out.
