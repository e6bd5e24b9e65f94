//! Portal: pages, access, persone, questionari, audit, feed.
