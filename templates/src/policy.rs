//! What a page may load, as its content policy says it: from us alone.

/// For pages without scripts. `data:` images and fonts are icons inside the design system's stylesheet.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self' data:; img-src 'self' data:; form-action 'self'; \
                          base-uri 'none'; frame-ancestors 'none'";

/// The same, for pages that name [`crate::Page::SCRIPTS`]: our own files, which ask nobody but us. No inline script, nothing
/// evaluated from a text.
pub const POLICY_WITH_SCRIPTS: &str = "default-src 'none'; style-src 'self'; font-src 'self' data:; img-src 'self' data:; form-action 'self'; \
                                       base-uri 'none'; frame-ancestors 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'";
