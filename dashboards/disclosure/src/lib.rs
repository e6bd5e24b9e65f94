//! Statistical disclosure control for tables: small cells, complementary suppression, one engine.
