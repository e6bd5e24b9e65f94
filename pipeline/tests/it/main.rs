//! The pipeline and the lake, from segments to marts. One test binary, a module per area.
