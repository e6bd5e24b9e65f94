//! Italy as data: comuni with history, provinces, regions, population, boundaries.
