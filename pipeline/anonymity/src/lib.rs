//! k-anonymity, l-diversity and t-closeness: engine and independent verifier.
