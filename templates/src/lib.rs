//! The minijinja environment, components and messages, the design system's assets.
